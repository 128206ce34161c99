//! Keeps the records of lessons that are over: one JSON file per lesson, which appears complete or not at all.
//!
//! Media never waits for a disk: records are handed over without waiting, and what cannot be kept is logged and counted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::record::Record;
use tokio::fs;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::{error, info};

use super::wall::stamp;
use crate::counters::Counter;

/// Records that wait for the disk. Lessons end together at the bell; more than this many in the time a disk needs is a dead disk.
const WAITING: usize = 256;

/// Where records are handed in. The keeper ends when it is dropped.
#[derive(Debug)]
pub struct Archive {
    records: Option<Sender<Record>>,
    kept: Kept,
}

/// Writes records.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    records: Receiver<Record>,
    kept: Kept,
}

/// How many records were kept, and how many were not. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Those that are on the disk.
    pub written: Arc<Counter>,
    /// Those that could not be written.
    pub failed: Arc<Counter>,
}

impl Archive {
    /// An archive in `folder`, which is made when it is needed; `None` keeps nothing.
    pub fn open(folder: Option<PathBuf>) -> (Self, Option<Keeper>) {
        let kept = Kept::default();
        let Some(folder) = folder else {
            return (
                Self {
                    records: None,
                    kept,
                },
                None,
            );
        };
        let (sender, records) = channel(WAITING);
        let archive = Self {
            records: Some(sender),
            kept: kept.clone(),
        };
        (
            archive,
            Some(Keeper {
                folder,
                records,
                kept,
            }),
        )
    }

    /// Hands in a record without waiting.
    pub fn keep(&self, record: Record) {
        if let Some(records) = &self.records
            && let Err(refused) = records.try_send(record)
        {
            let lesson = refused.into_inner().lesson;
            error!(%lesson, "the record of a lesson is lost: the disk does not keep up");
            self.kept.failed.add(1);
        }
    }

    /// What was counted so far.
    pub fn kept(&self) -> Kept {
        self.kept.clone()
    }
}

impl Keeper {
    /// Writes what is handed in, until the [`Archive`] is dropped and everything is written.
    pub async fn run(mut self) {
        while let Some(record) = self.records.recv().await {
            let lesson = &record.lesson;
            match write(&self.folder, &record).await {
                Ok(path) => {
                    info!(%lesson, path = %path.display(), "the lesson's record is kept");
                    self.kept.written.add(1);
                }
                Err(why) => {
                    let folder = self.folder.display();
                    error!(%lesson, %folder, %why, "the record of a lesson is lost: check records.dir");
                    self.kept.failed.add(1);
                }
            }
        }
    }
}

/// Beside its name first: a name that ends in `.json` is complete.
async fn write(folder: &Path, record: &Record) -> io::Result<PathBuf> {
    let text = serde_json::to_vec_pretty(record)?;
    fs::create_dir_all(folder).await?;
    // A lesson's name is a path segment without separators, and never begins with a dot.
    let name = format!("{}.{}.json", record.lesson, stamp(record.from_unix_ms));
    let (path, aside) = (folder.join(&name), folder.join(format!(".{name}.part")));
    let result = async {
        let mut file = fs::File::create(&aside).await?;
        file.write_all(&text).await?;
        file.sync_all().await?;
        fs::rename(&aside, &path).await
    };
    if let Err(error) = result.await {
        let _ = fs::remove_file(&aside).await;
        return Err(error);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test's own, removed at its end.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!("lectern-records-{:032x}", rand::random::<u128>());
            Self(std::env::temp_dir().join(name))
        }

        fn names(&self) -> Vec<String> {
            let entries = std::fs::read_dir(&self.0).unwrap();
            entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn record(lesson: &str) -> Record {
        Record {
            v: 1,
            lesson: lesson.parse().unwrap(),
            from_unix_ms: 1_795_182_302_000,
            until_unix_ms: 1_795_184_702_000,
            lines: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_record_is_one_file_in_a_folder_made_for_it() {
        let folder = Folder::new();
        let (archive, keeper) = Archive::open(Some(folder.0.join("deep")));
        let kept = archive.kept();
        archive.keep(record("demo"));
        drop(archive);
        keeper.unwrap().run().await;
        assert_eq!((kept.written.get(), kept.failed.get()), (1, 0));
        let path = folder.0.join("deep/demo.20261120T134502Z.json");
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(
            serde_json::from_str::<Record>(&text).unwrap(),
            record("demo")
        );
    }

    #[tokio::test]
    async fn a_disk_that_refuses_is_counted_and_leaves_nothing_half_written() {
        let folder = Folder::new();
        // The name is taken by a folder with something in it, so that the last step fails.
        let taken = folder.0.join("demo.20261120T134502Z.json");
        std::fs::create_dir_all(taken.join("x")).unwrap();
        let (archive, keeper) = Archive::open(Some(folder.0.clone()));
        let kept = archive.kept();
        archive.keep(record("demo"));
        archive.keep(record("other"));
        drop(archive);
        keeper.unwrap().run().await;
        assert_eq!((kept.written.get(), kept.failed.get()), (1, 1));
        let mut names = folder.names();
        names.sort();
        assert_eq!(
            names,
            ["demo.20261120T134502Z.json", "other.20261120T134502Z.json"]
        );
    }

    #[test]
    fn a_disk_that_hangs_holds_nobody_up() {
        let (archive, keeper) = Archive::open(Some("never-written".into()));
        for _ in 0..WAITING + 3 {
            archive.keep(record("demo"));
        }
        assert_eq!(archive.kept().failed.get(), 3);
        drop(keeper);
    }

    #[test]
    fn without_a_folder_nothing_is_kept() {
        let (archive, keeper) = Archive::open(None);
        archive.keep(record("demo"));
        assert!(keeper.is_none() && archive.kept().failed.get() == 0);
    }
}
