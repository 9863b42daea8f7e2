"""How the page looks, how it takes the visitor's language, and how it listens to the server."""

from pathlib import Path

import gradio as gr

# Fonts and colours that need no download.
THEME = gr.themes.Base(
    primary_hue="amber",
    neutral_hue="stone",
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
)
CSS = """
.gradio-container {
  width: 100% !important; max-width: 1280px !important; margin: 0 auto !important;
}
#head { align-items: center; }
#switch { max-width: 9em; }
#status { min-height: 2.6em; }
#clip .download { display: none; }
#preset .wrap { gap: 4px; }
#preset label { padding-left: 6px; padding-right: 6px; }
"""
# The language is the browser's unless the visitor has chosen the other one; it must be set before
# the page is built.
HEAD = f"""
<script>
  const chosen = localStorage.getItem("impasto-language");
  if (chosen) {{
    for (const [name, value] of [["language", chosen], ["languages", [chosen]]]) {{
      Object.defineProperty(navigator, name, {{ get: () => value }});
    }}
  }}
  window.addEventListener("beforeunload", (event) => {{
    if (!document.querySelector("#stop:enabled")) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Gradio's page would stop listening, even to who stays
  }});
</script>
<script>
{Path(__file__).with_name("stream.js").read_text("utf-8")}
</script>
"""
# When the page is built, a screen reader is told of its status: of progress now and then, and of
# everything else at once. The answer is the visitor's language.
GREETING = """() => {
  const status = document.querySelector("#status");
  const told = document.createElement("p");
  told.id = "told";
  told.setAttribute("role", "status");
  told.style.cssText = "position: fixed; width: 1px; height: 1px; clip-path: inset(50%)";
  document.body.append(told);
  let due, last = 0;
  const tell = () => {
    if (document.querySelector("#stop:enabled") && Date.now() - last < 20_000) return;
    last = Date.now();
    told.textContent = status.innerText;
  };
  new MutationObserver(() => {
    clearTimeout(due);
    due = setTimeout(tell, 300);
  }).observe(status, { characterData: true, childList: true, subtree: true });
  return navigator.language;
}"""
SWITCH = """() => {
  localStorage.setItem("impasto-language", navigator.language.startsWith("ko") ? "en" : "ko");
  location.reload();
}"""
# The place of painters is shown where a painter is the way to paint.
OF_PRESET = """(preset) => ({ __type__: "update", visible: preset === "painter" || "hidden" })"""
# What the page shows for a photograph (the first four), and for a clip (the next two); the quick
# preview of a photograph goes. The browser does this alone, so that it never waits for the server.
OF_KIND = """(kind) => {
  const isClip = kind === "clip";
  const shown = (isShown) => ({ __type__: "update", visible: isShown || "hidden" });
  const preview = isClip ? shown(false) : { __type__: "update" };
  return [...Array(4).fill(shown(!isClip)), ...Array(2).fill(shown(isClip)), preview];
}"""
