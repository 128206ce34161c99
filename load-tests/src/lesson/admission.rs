//! From an offer to a client that can be run.

use std::time::Instant;

use rand::RngExt;

use super::Plan;
use crate::client::{
    Answer, AnswerError, Credentials, Direction, Door, DoorError, Identity, IdentityError, Kind,
    Link, Offer, Resource, Section, Srtp,
};
use crate::port::Port;
use crate::publisher::Stand;
use crate::viewer::Seat;

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

/// Publishes one video and one audio track. GCM is offered first, whatever the viewers do.
pub async fn publish(
    door: &Door,
    identity: &Identity,
) -> Result<(Stand, Resource), AdmissionError> {
    let (video_ssrc, audio_ssrc) = {
        let mut rng = rand::rng();
        (rng.random_range(2..u32::MAX), rng.random_range(2..u32::MAX))
    };
    let sections = [
        Section {
            kind: Kind::Video,
            ssrc: video_ssrc,
        },
        Section {
            kind: Kind::Audio,
            ssrc: audio_ssrc,
        },
    ];
    let admitted = enter(door, identity, Srtp::Gcm, Direction::Send, &sections).await?;
    let stand = Stand {
        port: admitted.port,
        link: admitted.link,
        answer: admitted.answer,
        video_ssrc,
        audio_ssrc,
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
    let section = |kind| Section { kind, ssrc: 0 };
    let mut sections = vec![section(Kind::Video); plan.videos];
    sections.resize(plan.videos + plan.audios, section(Kind::Audio));
    let admitted = enter(door, identity, plan.srtp, Direction::Receive, &sections).await?;
    let seat = Seat {
        index,
        port: admitted.port,
        link: admitted.link,
        answer: admitted.answer,
        requested,
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
    direction: Direction,
    sections: &[Section],
) -> Result<Admitted, AdmissionError> {
    let port = Port::bind(door.local_ip()?)?;
    let credentials = Credentials::random();
    let offer = Offer {
        direction,
        sections,
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
