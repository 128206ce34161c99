//! The table: which role may do what in which phase.

use protocol::lesson::{Command, Phase, Reason};
use protocol::{Role, Source};

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deed {
    /// Being there.
    Attend,
    /// Publishing camera, courseware or board.
    Teach,
    /// Publishing a room.
    PublishRoom,
    /// Seeing and hearing camera, courseware and board.
    FollowLesson,
    /// Seeing and hearing the stage.
    FollowStage,
    /// Seeing any room.
    SeeRoom,
    /// Hearing a room that is not on the stage.
    HearRoom,
    /// [`Command::Open`].
    Open,
    /// [`Command::Start`].
    Start,
    /// [`Command::End`].
    End,
    /// [`Command::Extend`].
    Extend,
    /// [`Command::Archive`].
    Archive,
    /// [`Command::Appoint`].
    Appoint,
    /// [`Command::Invite`].
    Invite,
    /// [`Command::Call`], [`Command::CallSeldom`], [`Command::CancelCall`].
    Call,
    /// [`Command::SendBack`].
    SendBack,
    /// [`Command::Mute`], [`Command::MuteAll`].
    Mute,
    /// [`Command::Unmute`].
    Unmute,
    /// [`Command::DismissHand`], [`Command::DismissHands`].
    DismissHand,
    /// [`Command::Ask`], [`Command::CloseQuestion`].
    Ask,
    /// [`Command::RaiseHand`], [`Command::LowerHand`].
    Hand,
    /// [`Command::Consent`], [`Command::Decline`].
    Consent,
    /// [`Command::StepDown`].
    StepDown,
    /// [`Command::CloseMicrophone`], [`Command::OpenMicrophone`].
    Microphone,
    /// [`Command::Answer`].
    Answer,
    /// [`Command::Whisper`].
    Whisper,
}

impl Deed {
    /// Every row of the table.
    pub const ALL: [Deed; 26] = [
        Deed::Attend,
        Deed::Teach,
        Deed::PublishRoom,
        Deed::FollowLesson,
        Deed::FollowStage,
        Deed::SeeRoom,
        Deed::HearRoom,
        Deed::Open,
        Deed::Start,
        Deed::End,
        Deed::Extend,
        Deed::Archive,
        Deed::Appoint,
        Deed::Invite,
        Deed::Call,
        Deed::SendBack,
        Deed::Mute,
        Deed::Unmute,
        Deed::DismissHand,
        Deed::Ask,
        Deed::Hand,
        Deed::Consent,
        Deed::StepDown,
        Deed::Microphone,
        Deed::Answer,
        Deed::Whisper,
    ];

    /// The row of a command.
    pub fn of(command: &Command) -> Self {
        match command {
            Command::Open => Deed::Open,
            Command::Start => Deed::Start,
            Command::End => Deed::End,
            Command::Extend { .. } => Deed::Extend,
            Command::Archive => Deed::Archive,
            Command::Appoint { .. } => Deed::Appoint,
            Command::Invite { .. } => Deed::Invite,
            Command::Call { .. } | Command::CallSeldom { .. } | Command::CancelCall { .. } => {
                Deed::Call
            }
            Command::SendBack { .. } => Deed::SendBack,
            Command::Mute { .. } | Command::MuteAll => Deed::Mute,
            Command::Unmute { .. } => Deed::Unmute,
            Command::DismissHand { .. } | Command::DismissHands => Deed::DismissHand,
            Command::Ask { .. } | Command::CloseQuestion { .. } => Deed::Ask,
            Command::RaiseHand | Command::LowerHand => Deed::Hand,
            Command::Consent { .. } | Command::Decline { .. } => Deed::Consent,
            Command::StepDown => Deed::StepDown,
            Command::CloseMicrophone | Command::OpenMicrophone => Deed::Microphone,
            Command::Answer { .. } => Deed::Answer,
            Command::Whisper { .. } => Deed::Whisper,
        }
    }

    /// The row of publishing `source`.
    pub fn publishing(source: Source) -> Self {
        match source {
            Source::Camera | Source::Courseware | Source::Board => Deed::Teach,
            Source::Room => Deed::PublishRoom,
        }
    }

    /// Whether doing it is written into the audit; a refusal always is. The rest is kept as the lesson's rows, or only media.
    pub(in crate::lesson) fn is_audited(self) -> bool {
        !matches!(
            self,
            Deed::Attend | Deed::Hand | Deed::Answer | Deed::Whisper
        )
    }

    /// In words, for the table.
    fn words(self) -> &'static str {
        match self {
            Deed::Attend => "attend",
            Deed::Teach => "publish camera, courseware, board",
            Deed::PublishRoom => "publish a room",
            Deed::FollowLesson => "see and hear camera, courseware, board",
            Deed::FollowStage => "see and hear the stage",
            Deed::SeeRoom => "see any room",
            Deed::HearRoom => "hear a room off the stage",
            Deed::Open => "open",
            Deed::Start => "start",
            Deed::End => "end",
            Deed::Extend => "change the end",
            Deed::Archive => "archive",
            Deed::Appoint => "appoint a teacher",
            Deed::Invite => "invite a room",
            Deed::Call => "call a room",
            Deed::SendBack => "send back",
            Deed::Mute => "mute",
            Deed::Unmute => "allow to be heard",
            Deed::DismissHand => "dismiss a hand",
            Deed::Ask => "ask",
            Deed::Hand => "raise or lower its hand",
            Deed::Consent => "consent or decline",
            Deed::StepDown => "step down",
            Deed::Microphone => "open or close its microphone",
            Deed::Answer => "answer",
            Deed::Whisper => "whisper",
        }
    }

    /// The phases in which `role` may do it.
    fn phases(self, role: Role) -> &'static [Phase] {
        use Phase::{Ended, Live, Open, Scheduled};
        use Role::{Observer, Operator, Recorder, Room, Teacher};
        match (self, role) {
            (Deed::Attend, Teacher | Operator) => &[Scheduled, Open, Live, Ended],
            (Deed::Attend, Room | Observer | Recorder) => &[Open, Live, Ended],
            (Deed::Teach, Teacher) | (Deed::PublishRoom | Deed::Whisper, Room) => &[Open, Live],
            (Deed::FollowLesson | Deed::SeeRoom, Teacher | Operator) => &[Open, Live],
            (Deed::FollowLesson, Room | Observer | Recorder) => &[Live],
            (Deed::FollowStage, Teacher | Operator | Room | Observer | Recorder) => &[Live],
            (Deed::Open, Teacher | Operator) => &[Scheduled],
            (Deed::Start, Teacher | Operator) => &[Scheduled, Open],
            (Deed::End | Deed::Extend | Deed::Invite, Teacher | Operator)
            | (Deed::Appoint, Operator) => &[Scheduled, Open, Live],
            (Deed::Archive, Operator) => &[Ended],
            (
                Deed::Call | Deed::SendBack | Deed::Mute | Deed::Unmute | Deed::DismissHand,
                Teacher | Operator,
            )
            | (Deed::Ask, Teacher)
            | (
                Deed::Hand | Deed::Consent | Deed::StepDown | Deed::Microphone | Deed::Answer,
                Room,
            ) => &[Live],
            _ => &[],
        }
    }
}

/// Whether the table allows it.
pub fn allowed(role: Role, deed: Deed, phase: Phase) -> Result<(), Reason> {
    match deed.phases(role) {
        [] => Err(Reason::NotYourRole),
        phases if phases.contains(&phase) => Ok(()),
        _ => Err(Reason::NotNow),
    }
}

/// The table, in Markdown: the phases in which a role may do something.
pub fn table() -> String {
    const ROLES: [(Role, &str); 5] = [
        (Role::Teacher, "teacher"),
        (Role::Operator, "operator"),
        (Role::Room, "room"),
        (Role::Observer, "observer"),
        (Role::Recorder, "recorder"),
    ];
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let names = ROLES.map(|(_, name)| name.to_owned());
    let mut text = row([String::new()].into_iter().chain(names).collect());
    text += &row(vec!["---".into(); ROLES.len() + 1]);
    for deed in Deed::ALL {
        let cells = ROLES.map(|(role, _)| match deed.phases(role) {
            [] => "–".to_owned(),
            phases => {
                let phases: Vec<_> = phases.iter().map(Phase::to_string).collect();
                phases.join(", ")
            }
        });
        text += &row([deed.words().to_owned()].into_iter().chain(cells).collect());
    }
    text
}
