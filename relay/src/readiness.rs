//! Whether new sessions are taken: yes from the start, no from the moment the relay is told to end.

use tokio::sync::watch;

/// One switch, shared by everybody who has to know. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Readiness(watch::Sender<bool>);

impl Readiness {
    /// Ready.
    pub fn new() -> Self {
        Self(watch::Sender::new(true))
    }

    /// Whether new sessions are still taken.
    pub fn is_ready(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when new sessions are no longer taken.
    pub async fn drained(&self) {
        // The sender is this one, so waiting ends with the switch and never before.
        let _ = self.0.subscribe().wait_for(|ready| !ready).await;
    }

    /// From now on new sessions are refused; there is no way back.
    pub fn drain(&self) {
        self.0.send_replace(false);
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}
