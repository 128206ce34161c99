/** Keeps the screen on: a classroom touches nothing for forty minutes. */

/** Asks for a wake lock now and whenever the page is shown again; browsers release it when a page is hidden. */
export function stayAwake(): void {
  const ask = () => {
    // Refused on an empty battery or without a secure context: the screen's own settings decide then.
    if (document.visibilityState === "visible") navigator.wakeLock?.request("screen").catch(() => undefined);
  };
  document.addEventListener("visibilitychange", ask);
  ask();
}
