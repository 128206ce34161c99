//! Why a lesson refuses something.

use serde::{Deserialize, Serialize};

use crate::line::Sentence;

/// Why something is refused. The names are stable; pages may have words of their own for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody of this role ever may.
    NotYourRole,
    /// The role may, but not in this phase of the lesson.
    NotNow,
    /// The room does not belong to the lesson.
    NotInvited,
    /// Somebody else teaches this lesson.
    AnotherTeacher,
    /// The seat belongs to somebody of another role.
    SeatTaken,
    /// The lesson has no such room.
    UnknownRoom,
    /// The room is not connected.
    RoomAway,
    /// The room is in another lesson.
    ElsewhereNow,
    /// The source does not belong to the lesson's plan.
    UnknownSource,
    /// There are as many rooms on the stage, or on their way to it, as fit.
    StageFull,
    /// The room is on the stage already.
    OnStage,
    /// The room is not on the stage.
    NotOnStage,
    /// The room is being called already.
    CalledAlready,
    /// There is no such call any more.
    NoSuchCall,
    /// There is no room that could be called.
    NobodyToCall,
    /// Rooms are only heard on the stage.
    NotHeard,
    /// The teacher has muted the room.
    MutedByTeacher,
    /// The recording policy does not allow it.
    NotRecorded,
    /// There is no such question, or it is closed.
    NoSuchQuestion,
    /// The question is to be answered in another form.
    WrongForm,
    /// Nothing is written.
    EmptyText,
    /// The text is too long.
    TooLong,
    /// More than there are, or nobody at all.
    WrongCount,
    /// The time is past, or before the lesson's beginning.
    WrongTime,
    /// The same again within a few seconds.
    TooSoon,
    /// The lesson has as many rooms as it can have.
    TooManyRooms,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 26] = [
        Reason::NotYourRole,
        Reason::NotNow,
        Reason::NotInvited,
        Reason::AnotherTeacher,
        Reason::SeatTaken,
        Reason::UnknownRoom,
        Reason::RoomAway,
        Reason::ElsewhereNow,
        Reason::UnknownSource,
        Reason::StageFull,
        Reason::OnStage,
        Reason::NotOnStage,
        Reason::CalledAlready,
        Reason::NoSuchCall,
        Reason::NobodyToCall,
        Reason::NotHeard,
        Reason::MutedByTeacher,
        Reason::NotRecorded,
        Reason::NoSuchQuestion,
        Reason::WrongForm,
        Reason::EmptyText,
        Reason::TooLong,
        Reason::WrongCount,
        Reason::WrongTime,
        Reason::TooSoon,
        Reason::TooManyRooms,
    ];

    /// What the person is told.
    pub fn sentence(self) -> Sentence {
        let (zh, en) = self.words();
        Sentence {
            zh: zh.into(),
            en: en.into(),
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Reason::NotYourRole => ("您的身份不能进行此操作", "Your role does not allow this"),
            Reason::NotNow => (
                "课堂当前阶段不能进行此操作",
                "This is not possible at this stage of the lesson",
            ),
            Reason::NotInvited => (
                "本教室不在这节课的名单中，请联系管理员",
                "This room does not belong to the lesson: ask the administrator",
            ),
            Reason::AnotherTeacher => (
                "这节课由另一位老师主讲",
                "Another teacher leads this lesson",
            ),
            Reason::SeatTaken => (
                "该席位已分配给其他身份",
                "This seat belongs to somebody of another role",
            ),
            Reason::UnknownRoom => ("这节课没有该教室", "The lesson has no such room"),
            Reason::RoomAway => (
                "该教室未连接，请等它恢复后再试",
                "The room is not connected: try again when it is back",
            ),
            Reason::ElsewhereNow => (
                "该教室正在上另一节课",
                "The room is in another lesson at present",
            ),
            Reason::UnknownSource => (
                "这节课没有安排该信号源",
                "This source is not part of the lesson",
            ),
            Reason::StageFull => (
                "讲台已满，请先请一个教室回座",
                "The stage is full: send a room back first",
            ),
            Reason::OnStage => ("该教室已在台上", "The room is on the stage already"),
            Reason::NotOnStage => ("该教室不在台上", "The room is not on the stage"),
            Reason::CalledAlready => ("正在呼叫该教室", "The room is being called already"),
            Reason::NoSuchCall => ("该呼叫已结束", "This call is over"),
            Reason::NobodyToCall => (
                "目前没有可以呼叫的教室",
                "There is no room that could be called at present",
            ),
            Reason::NotHeard => (
                "教室只有在台上才能被听到",
                "A room is only heard while it is on the stage",
            ),
            Reason::MutedByTeacher => (
                "老师已将本教室静音，请等老师允许发言",
                "The teacher has muted this room: wait until you may speak",
            ),
            Reason::NotRecorded => (
                "按录制规定，此画面和声音不录制",
                "The recording policy does not allow this to be recorded",
            ),
            Reason::NoSuchQuestion => ("该问题已结束", "This question is closed"),
            Reason::WrongForm => (
                "请按问题要求的形式回答",
                "Answer in the form that the question asks for",
            ),
            Reason::EmptyText => ("请输入内容", "Write something first"),
            Reason::TooLong => ("最多 200 个字", "At most 200 characters"),
            Reason::WrongCount => (
                "人数不正确，请检查",
                "The numbers cannot be right: check them",
            ),
            Reason::WrongTime => ("时间不正确，请检查", "The time cannot be right: check it"),
            Reason::TooSoon => ("请稍等几秒再试", "Wait a few seconds and try again"),
            Reason::TooManyRooms => (
                "这节课的教室数量已达上限",
                "The lesson has as many rooms as it can have",
            ),
        }
    }
}
