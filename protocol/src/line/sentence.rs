//! A situation in one plain sentence, for assistants who are no technicians: what is wrong, how much, what was done.

use serde::{Deserialize, Serialize};

use super::{Remedy, Situation};

/// One sentence in both languages, without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listener {
    /// Those at the seat: "your line".
    Owner,
    /// Those who watch over the lesson: "this school's line".
    Onlooker,
}

impl Listener {
    fn zh(self) -> &'static str {
        match self {
            Listener::Owner => "贵校",
            Listener::Onlooker => "该校",
        }
    }

    /// At the beginning of a sentence.
    fn en(self) -> &'static str {
        match self {
            Listener::Owner => "Your",
            Listener::Onlooker => "This site's",
        }
    }

    /// Inside a sentence.
    fn en_inside(self) -> &'static str {
        match self {
            Listener::Owner => "your",
            Listener::Onlooker => "this site's",
        }
    }
}

impl Situation {
    /// What `listener` is told.
    pub fn sentence(self, listener: Listener) -> Sentence {
        let (zh, en, en_inside) = (listener.zh(), listener.en(), listener.en_inside());
        match self {
            Situation::Good => says("线路良好", "The line is good"),
            Situation::Lossy {
                loss_percent,
                remedy,
            } => says(
                format!("{zh}下行丢包 {loss_percent}%，{}", remedy.zh()),
                format!(
                    "{en} downlink loses {loss_percent}% of packets; {}",
                    remedy.en()
                ),
            ),
            Situation::Narrow {
                carries_kbps: Some(kbps),
                remedy,
            } => {
                let mbps = mbps(kbps);
                says(
                    format!("{zh}下行网速约 {mbps} Mbit/s，{}", remedy.zh()),
                    format!("{en} downlink carries about {mbps} Mbit/s; {}", remedy.en()),
                )
            }
            Situation::Narrow {
                carries_kbps: None,
                remedy,
            } => says(
                format!("{zh}下行带宽不足，{}", remedy.zh()),
                format!("{en} downlink is too narrow; {}", remedy.en()),
            ),
            Situation::Slow { round_trip_ms } => says(
                format!("{zh}网络延迟 {round_trip_ms} 毫秒，问答会慢半拍"),
                format!("{en} line takes {round_trip_ms} ms there and back; answers come late"),
            ),
            Situation::LossyUplink {
                loss_percent,
                repaired: true,
            } => says(
                format!("{zh}上行丢包 {loss_percent}%，已自动补发"),
                format!("{en} uplink loses {loss_percent}% of packets; sent again automatically"),
            ),
            Situation::LossyUplink {
                loss_percent,
                repaired: false,
            } => says(
                format!("{zh}上行丢包 {loss_percent}%，其他教室看到的画面会卡顿"),
                format!(
                    "{en} uplink loses {loss_percent}% of packets; other rooms see the picture stall"
                ),
            ),
            Situation::Down { seconds } => says(
                format!("{zh}线路已中断 {seconds} 秒，正在自动重连"),
                format!("{en} line has been cut for {seconds} s; reconnecting by itself"),
            ),
            Situation::Restored { seconds } => says(
                format!("{zh}线路中断 {seconds} 秒后已恢复"),
                format!("{en} line is back after {seconds} s"),
            ),
            Situation::School { loss_percent } => says(
                format!("主讲学校上行丢包 {loss_percent}%，不是{zh}线路的问题"),
                format!(
                    "The teaching school's uplink loses {loss_percent}% of packets; {en_inside} own line is fine"
                ),
            ),
            Situation::SchoolDown { seconds } => says(
                format!("主讲学校线路已中断 {seconds} 秒，不是{zh}线路的问题"),
                format!(
                    "The teaching school has been cut off for {seconds} s; {en_inside} own line is fine"
                ),
            ),
            Situation::Overloaded => says(
                "服务器繁忙，画面可能延迟，请联系管理员",
                "The relay is overloaded and pictures may lag; call the operator",
            ),
        }
    }
}

impl Remedy {
    fn zh(self) -> &'static str {
        match self {
            Remedy::Repaired => "已自动补发",
            Remedy::SmallerStage => "已调小上台教室的画面",
            Remedy::SmallerCamera => "已调小教师画面",
            Remedy::FewerFrames => "课件已减帧，文字仍清晰",
            Remedy::VoiceFirst => "已改为语音优先",
            Remedy::Nothing => "画面可能卡顿",
        }
    }

    fn en(self) -> &'static str {
        match self {
            Remedy::Repaired => "sent again automatically",
            Remedy::SmallerStage => "the called rooms' pictures are smaller now",
            Remedy::SmallerCamera => "the teacher's picture is smaller now",
            Remedy::FewerFrames => "slides move less often and stay sharp",
            Remedy::VoiceFirst => "voice comes first now",
            Remedy::Nothing => "pictures may stall",
        }
    }
}

fn says(zh: impl Into<String>, en: impl Into<String>) -> Sentence {
    Sentence {
        zh: zh.into(),
        en: en.into(),
    }
}

/// One decimal below 10 Mbit/s, none above.
fn mbps(kbps: u32) -> String {
    let mbps = f64::from(kbps) / 1_000.0;
    // What rounds up to ten is written as ten.
    if mbps < 9.95 {
        format!("{mbps:.1}")
    } else {
        format!("{mbps:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_written_as_people_say_them() {
        for (kbps, text) in [
            (0, "0.0"),
            (640, "0.6"),
            (9_949, "9.9"),
            (9_951, "10"),
            (23_400, "23"),
        ] {
            assert_eq!(mbps(kbps), text);
        }
    }

    #[test]
    fn a_sentence_fits_on_one_line_of_a_screen() {
        for situation in crate::fixtures::situations() {
            for listener in [Listener::Owner, Listener::Onlooker] {
                let Sentence { zh, en } = situation.sentence(listener);
                assert!(zh.chars().count() <= 32, "{zh}");
                assert!(en.chars().count() <= 100, "{en}");
                assert!(!zh.ends_with('。') && !en.ends_with('.'), "{zh} {en}");
            }
        }
    }
}
