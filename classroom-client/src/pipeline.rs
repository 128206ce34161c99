//! A GStreamer pipeline that is freed with its owner and reports in one enum.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as app;

use crate::elements::Missing;

/// What a pipeline says about itself. Arrives on a GStreamer thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Every sink has seen the end.
    Ended,
    /// The pipeline can go no further; a sentence.
    Failed(String),
}

/// Why a pipeline does not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An element is not installed.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The pipeline cannot be built or started; a sentence.
    #[error("{0}")]
    Broken(String),
}

/// A pipeline. Set to `Null` when dropped; drop whatever its callbacks could be waiting for first.
#[derive(Debug)]
pub struct Pipeline {
    inner: gst::Pipeline,
    reports: Arc<Reports>,
}

type Listener = Box<dyn Fn(Notice) + Send + Sync>;

#[derive(Default)]
struct Reports {
    /// Of all failures the first is the cause.
    failure: Mutex<Option<String>>,
    /// A missing decoder explains the failure that follows it better than that failure's own words.
    missing: Mutex<Option<String>>,
    listener: OnceLock<Listener>,
}

impl std::fmt::Debug for Reports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reports")
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

impl Pipeline {
    /// An empty pipeline on the system's monotonic clock.
    pub fn new() -> Self {
        Self::adopt(gst::Pipeline::new())
    }

    /// A pipeline from a `gst-launch` description. Device names and addresses do not belong into it: set them as properties.
    ///
    /// # Errors
    /// An element is missing, or the description is wrong.
    pub fn parse(description: &str) -> Result<Self, Error> {
        let parsed = parse(description, |context| {
            gst::parse::launch_full(description, Some(context), gst::ParseFlags::FATAL_ERRORS)
        })?;
        match parsed.downcast::<gst::Pipeline>() {
            Ok(pipeline) => Ok(Self::adopt(pipeline)),
            // A single element is not wrapped into a pipeline by the parser.
            Err(element) => {
                let pipeline = Self::new();
                pipeline.inner.add(&element).map_err(broken)?;
                Ok(pipeline)
            }
        }
    }

    fn adopt(inner: gst::Pipeline) -> Self {
        // One clock for all pipelines, so that their running times can be compared; a sound card's clock would drift away.
        inner.use_clock(Some(&gst::SystemClock::obtain()));
        let reports = Arc::new(Reports::default());
        if let Some(bus) = inner.bus() {
            let reports = reports.clone();
            bus.set_sync_handler(move |_, message| {
                reports.take(message);
                gst::BusSyncReply::Drop
            });
        }
        Self { inner, reports }
    }

    /// What a callback needs to grow the pipeline without keeping it alive.
    pub fn branches(&self) -> Branches {
        Branches::of(self)
    }

    /// The element called `name` in the description.
    pub fn element(&self, name: &str) -> gst::Element {
        self.inner
            .by_name(name)
            .expect("the description names this element")
    }

    /// The element called `name`, if there is one.
    pub fn find(&self, name: &str) -> Option<gst::Element> {
        self.inner.by_name(name)
    }

    /// The appsink called `name`, if there is one.
    pub fn appsink(&self, name: &str) -> Option<app::AppSink> {
        self.inner.by_name(name)?.downcast().ok()
    }

    /// The appsrc called `name`, if there is one.
    pub fn appsrc(&self, name: &str) -> Option<app::AppSrc> {
        self.inner.by_name(name)?.downcast().ok()
    }

    /// Calls `listener` with every notice from now on. Only the first listener counts.
    pub fn listen(&self, listener: impl Fn(Notice) + Send + Sync + 'static) {
        let _ = self.reports.listener.set(Box::new(listener));
    }

    /// Fixes what running time 0 is, for pipelines that must agree on it.
    pub fn set_base_time(&self, base: gst::ClockTime) {
        self.inner.set_start_time(gst::ClockTime::NONE);
        self.inner.set_base_time(base);
    }

    /// Fixes how much later than stated everything is shown, instead of asking the elements how long they take.
    pub fn set_latency(&self, latency: gst::ClockTime) {
        self.inner.set_latency(latency);
    }

    /// Starts.
    ///
    /// # Errors
    /// A device is not there, is busy, or refuses its settings.
    pub fn play(&self) -> Result<(), Error> {
        self.inner
            .set_state(gst::State::Playing)
            .map_err(|_| self.failure())?;
        Ok(())
    }

    /// Waits until the state change that was begun by [`Pipeline::play`] has happened, `limit` at most.
    ///
    /// # Errors
    /// It failed, or takes longer.
    pub fn settle(&self, limit: std::time::Duration) -> Result<(), Error> {
        let limit = gst::ClockTime::try_from(limit).unwrap_or(gst::ClockTime::MAX);
        match self.inner.state(limit) {
            (Ok(gst::StateChangeSuccess::Async), ..) => {
                Err(Error::Broken("it does not answer".into()))
            }
            (Ok(_), ..) => Ok(()),
            (Err(_), ..) => Err(self.failure()),
        }
    }

    /// How long what it plays is, if that is known.
    pub fn duration(&self) -> Option<std::time::Duration> {
        self.inner
            .query_duration::<gst::ClockTime>()
            .map(std::time::Duration::from)
    }

    fn failure(&self) -> Error {
        Error::Broken(
            self.reports
                .cause()
                .unwrap_or_else(|| "the pipeline does not start".into()),
        )
    }
}

impl Default for Pipeline {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.inner.set_state(gst::State::Null);
        if let Some(bus) = self.inner.bus() {
            bus.unset_sync_handler();
        }
    }
}

/// Grows a pipeline while it runs, from callbacks that must not own it.
#[derive(Debug, Clone)]
pub struct Branches {
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
}

impl Branches {
    fn of(pipeline: &Pipeline) -> Self {
        Self {
            pipeline: pipeline.inner.downgrade(),
        }
    }

    /// Adds the elements of a description as a bin, whose free ends become its pads; `prepare` sees it before it starts.
    ///
    /// # Errors
    /// As [`Pipeline::parse`], or the pipeline is gone.
    pub fn add(
        &self,
        description: &str,
        prepare: impl FnOnce(&gst::Bin),
    ) -> Result<gst::Bin, Error> {
        let pipeline = self
            .pipeline
            .upgrade()
            .ok_or_else(|| Error::Broken("the pipeline is gone".into()))?;
        let element = parse(description, |context| {
            gst::parse::bin_from_description_full(
                description,
                true,
                Some(context),
                gst::ParseFlags::FATAL_ERRORS | gst::ParseFlags::PLACE_IN_BIN,
            )
        })?;
        let bin = element
            .downcast::<gst::Bin>()
            .map_err(|_| Error::Broken("the description makes no bin".into()))?;
        prepare(&bin);
        pipeline.add(&bin).map_err(broken)?;
        bin.sync_state_with_parent().map_err(broken)?;
        Ok(bin)
    }
}

impl Reports {
    fn take(&self, message: &gst::Message) {
        let notice = match message.view() {
            gst::MessageView::Eos(_) => Notice::Ended,
            gst::MessageView::Error(error) => {
                tracing::debug!(error = %error.error(), debug = ?error.debug(), "pipeline failed");
                let text = explain(&error.error(), error.debug().as_deref());
                lock(&self.failure).get_or_insert(text);
                Notice::Failed(self.cause().unwrap_or_default())
            }
            gst::MessageView::Element(element) => {
                if let Some(text) = element.structure().and_then(missing_plugin) {
                    lock(&self.missing).get_or_insert(text);
                }
                return;
            }
            _ => return,
        };
        if let Some(listener) = self.listener.get() {
            listener(notice);
        }
    }

    fn cause(&self) -> Option<String> {
        lock(&self.missing)
            .clone()
            .or_else(|| lock(&self.failure).clone())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sentence for a `missing-plugin` message, which the decodebin family posts for formats it has no element for.
fn missing_plugin(structure: &gst::StructureRef) -> Option<String> {
    if structure.name() != "missing-plugin" {
        return None;
    }
    if structure.get::<&str>("type").ok()? == "element" {
        return Some(Missing::new(structure.get::<&str>("detail").ok()?).to_string());
    }
    let name = structure.get::<&str>("name").unwrap_or("a plugin");
    Some(format!(
        "{name} is missing: install gstreamer1.0-libav and gstreamer1.0-plugins-bad"
    ))
}

/// The error's general words, and the particular ones, which GStreamer puts after the first line of the debugging text.
fn explain(error: &gst::glib::Error, debug: Option<&str>) -> String {
    let general = one_line(&error.to_string());
    let general = general.trim_end_matches('.');
    match debug
        .and_then(|debug| debug.split_once('\n'))
        .map(|(_, detail)| one_line(detail))
    {
        Some(detail) if !detail.is_empty() => {
            format!("{general}: {}", detail.trim_end_matches('.'))
        }
        _ => general.to_owned(),
    }
}

fn parse(
    description: &str,
    build: impl FnOnce(&mut gst::ParseContext) -> Result<gst::Element, gst::glib::Error>,
) -> Result<gst::Element, Error> {
    let mut context = gst::ParseContext::new();
    build(&mut context).map_err(|error| match context.missing_elements().first() {
        Some(element) => Missing::new(element).into(),
        None => Error::Broken(format!("“{description}”: {}", one_line(&error.to_string()))),
    })
}

fn broken(error: gst::glib::BoolError) -> Error {
    Error::Broken(one_line(&error.to_string()))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_element_is_named() {
        gst::init().unwrap();
        let error = Pipeline::parse("fakesrc ! no-such-element ! fakesink").unwrap_err();
        assert_eq!(error, Error::Missing(Missing::new("no-such-element")));
    }

    #[test]
    fn a_failure_says_why() {
        gst::init().unwrap();
        let pipeline = Pipeline::parse("filesrc name=clip ! fakesink").unwrap();
        pipeline
            .element("clip")
            .set_property("location", "/nowhere/clip.mp4");
        let error = pipeline.play().unwrap_err().to_string();
        assert!(error.contains("/nowhere/clip.mp4"), "{error}");
    }

    #[test]
    fn the_end_is_reported() {
        gst::init().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let pipeline = Pipeline::parse("fakesrc num-buffers=3 ! fakesink").unwrap();
        pipeline.listen(move |notice| {
            let _ = sender.send(notice);
        });
        pipeline.play().unwrap();
        assert_eq!(receiver.recv(), Ok(Notice::Ended));
    }

    #[test]
    fn a_missing_decoder_is_a_better_reason_than_its_consequence() {
        gst::init().unwrap();
        let structure = gst::Structure::builder("missing-plugin")
            .field("type", "decoder")
            .field("detail", "audio/x-odd")
            .field("name", "Odd decoder")
            .build();
        assert_eq!(
            missing_plugin(&structure).unwrap(),
            "Odd decoder is missing: install gstreamer1.0-libav and gstreamer1.0-plugins-bad"
        );
    }
}
