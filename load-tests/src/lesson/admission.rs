//! From an offer to a client that can be run.

use std::time::Instant;

use rand::RngExt;

use super::Plan;
use crate::client::{
    Abilities, Answer, AnswerError, Credentials, Direction, Door, DoorError, Identity,
    IdentityError, Kind, Link, Offer, Resource, Section, Sending, Srtp,
};
use crate::port::Port;
use crate::publisher::{self, Programme, Stand};
use crate::viewer::{self, Seat};

/// Why a client was not admitted.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// No socket.
    #[error("no socket: {0}")]
    Socket(#[from] std::io::Error),
    /// The server refused.
    #[error(transparent)]
    Door(#[from] DoorError),
    /// Its answer is of no use.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// DTLS could not be set up.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// Publishes the video, and the sound if there is some. GCM is offered first, whatever the viewers do.
pub async fn publish(
    door: &Door,
    identity: &Identity,
    programme: &Programme,
) -> Result<(Stand, Resource), AdmissionError> {
    let mut ssrcs = std::iter::repeat_with(|| rand::rng().random_range(2..u32::MAX));
    let sound_ssrc = ssrcs.next().unwrap_or(2);
    let layer_ssrcs: Vec<u32> = ssrcs.take(programme.layers.len()).collect();
    let mut sections = vec![Section {
        kind: Kind::Video,
        sending: programme.announced(layer_ssrcs.first().copied().unwrap_or_default()),
    }];
    sections.extend(programme.sound.then_some(Section {
        kind: Kind::Audio,
        sending: Sending::Ssrc(sound_ssrc),
    }));
    let (srtp, abilities) = (Srtp::Gcm, Abilities::default());
    let direction = Direction::Send;
    let admitted = enter(door, identity, srtp, abilities, direction, &sections).await?;
    let stand = Stand {
        port: admitted.port,
        entry: publisher::Entry {
            link: admitted.link,
            answer: admitted.answer,
            layer_ssrcs,
            sound_ssrc,
        },
    };
    Ok((stand, admitted.resource))
}

/// Watches with as many sections as the plan says.
pub async fn watch(
    index: usize,
    door: &Door,
    identity: &Identity,
    plan: &Plan,
) -> Result<(Seat, Resource), AdmissionError> {
    let requested = Instant::now();
    let mut sections = vec![Section::receiving(Kind::Video); plan.videos];
    sections.resize(plan.videos + plan.audios, Section::receiving(Kind::Audio));
    let (srtp, abilities) = (plan.srtp, plan.abilities);
    let direction = Direction::Receive;
    let admitted = enter(door, identity, srtp, abilities, direction, &sections).await?;
    let seat = Seat {
        port: admitted.port,
        entry: viewer::Entry {
            index,
            link: admitted.link,
            answer: admitted.answer,
            requested,
            attention: plan.attention,
        },
    };
    Ok((seat, admitted.resource))
}

struct Admitted {
    port: Port,
    link: Link,
    answer: Answer,
    resource: Resource,
}

async fn enter(
    door: &Door,
    identity: &Identity,
    srtp: Srtp,
    abilities: Abilities,
    direction: Direction,
    sections: &[Section],
) -> Result<Admitted, AdmissionError> {
    let port = Port::bind(door.local_ip()?)?;
    let credentials = Credentials::random();
    let offer = Offer {
        direction,
        sections,
        abilities,
        credentials: &credentials,
        fingerprint: identity.fingerprint(),
        candidate: port.address(),
    };
    let (sdp, resource) = door.post(offer.to_sdp()).await?;
    let answer = Answer::parse(&sdp)?;
    let link = Link::new(
        Instant::now(),
        identity,
        srtp,
        port.address(),
        credentials,
        &answer,
    )?;
    Ok(Admitted {
        port,
        link,
        answer,
        resource,
    })
}
