/** The second screen's window; the watching page that opened it gives it a picture. */

import { part } from "./dom";
import { startLanguage, t } from "./language";

startLanguage();
document.title = t("secondTitle");
part("picture", HTMLVideoElement).addEventListener("dblclick", () => {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void document.documentElement.requestFullscreen();
});
// Without the page that opened it there is nothing to show.
if (window.opener) (window.opener as Window).addEventListener("pagehide", () => window.close());
