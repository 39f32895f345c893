#include "report/qc_style.h"

#include "base/error.h"
#include "base/sha256.h"
#include "report/markup.h"

namespace vitrine::report {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1f2328; --faint: #57606a; --paper: #ffffff; --line: #d9dde3; --box: #f6f8fa;
  --warn: #9a5b00; --warn-box: #fff6e0; --bad: #b3261e; --bad-box: #fdeceb; --focus: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --faint: #9aa4af; --paper: #14171b; --line: #343b44; --box: #1d2228;
    --warn: #f0b75a; --warn-box: #2e2617; --bad: #ff8f86; --bad-box: #331c1b; --focus: #56b4e9; }
}
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 1040px; margin: 2em auto; padding: 0 1.2em; overflow-wrap: anywhere; }
h1 { font-size: 1.6em; line-height: 1.25; margin: 0 0 .4em; }
h2 { font-size: 1.18em; margin: 2em 0 .5em; padding-bottom: .2em; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.12em; margin: 0; }
h4 { font-size: .92em; margin: 1.1em 0 .4em; color: var(--faint); font-weight: 600; }
a { color: inherit; }
p { margin: .3em 0; max-width: 80ch; }
kbd { font: 600 .85em ui-monospace, monospace; border: 1px solid var(--line); border-radius: 4px; padding: 0 .35em; background: var(--box); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -999em; top: 0; padding: .5em 1em; background: var(--paper); z-index: 1; }
.skip:focus { left: .5em; top: .5em; }
.small { color: var(--faint); font-size: .87em; font-weight: 400; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5em 0; }
th, td { padding: .25em .8em .25em 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; vertical-align: bottom; white-space: normal; overflow-wrap: normal; }
.left { text-align: left; } tr:hover td { background: var(--box); }
.warning .tag, .state.warning, td.warning { color: var(--warn); } .refused .tag, .state.refused, td.refused { color: var(--bad); }
.tag { font-weight: 600; }
ul.notes { list-style: none; margin: .6em 0; padding: 0; }
ul.notes li { margin: .3em 0; padding: .35em .7em; border-left: 4px solid var(--line); background: var(--box); }
ul.notes li.warning { border-color: var(--warn); background: var(--warn-box); }
ul.notes li.refused { border-color: var(--bad); background: var(--bad-box); }
.subject { border: 1px solid var(--line); border-radius: 6px; padding: .9em 1em; margin: 1.2em 0; scroll-margin-top: .5em; }
section.subject { content-visibility: auto; contain-intrinsic-size: auto 2200px; }
.subject:focus { outline: 3px solid var(--focus); outline-offset: 2px; }
.subject header { display: flex; flex-wrap: wrap; gap: .2em 1em; align-items: baseline; justify-content: space-between; }
.subject nav { font-size: .87em; } .subject nav a { display: inline-block; padding: .3em .5em; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.2em, 1fr)); gap: .5em; margin: .6em 0; }
.figures div { border: 1px solid var(--line); border-radius: 4px; padding: .3em .6em; }
.figures div.far { border-color: var(--warn); background: var(--warn-box); }
.figures dt { color: var(--faint); font-size: .8em; line-height: 1.3; } .figures dd { margin: 0; font-variant-numeric: tabular-nums; font-weight: 600; }
.figures dd span { font-weight: 400; font-size: .8em; color: var(--faint); }
.pictures { margin-top: .9em; display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); gap: 1em; align-items: start; }
figure { margin: 0; min-width: 0; }
.pictures img { display: block; width: 100%; height: auto; background: #000; border-radius: 4px; }
.crops { display: flex; flex-wrap: wrap; gap: 1em; }
.panels { display: flex; gap: 4px; }
.panel { position: relative; width: 128px; max-width: 27vw; }
.panel img { display: block; width: 100%; aspect-ratio: 1; image-rendering: pixelated; background: #000; }
.panel i { position: absolute; top: 2px; font: 600 11px/1 system-ui, sans-serif; color: #fff; text-shadow: 0 0 2px #000, 0 0 2px #000; }
.panel i.r { left: 4px; } .panel i.l { right: 4px; }
.panel b { position: absolute; left: 4px; bottom: 3px; font: 600 10px/1 system-ui, sans-serif; color: #fff; text-shadow: 0 0 2px #000, 0 0 2px #000; }
.strip { display: block; width: 392px; max-width: 100%; height: auto; background: #000; }
figcaption { font-size: .84em; line-height: 1.4; color: var(--faint); margin-top: .3em; }
details { margin-top: .8em; } summary { cursor: pointer; color: var(--faint); font-size: .9em; padding: .3em 0; }
details td { white-space: normal; vertical-align: top; }
@media (max-width: 560px) {
  body { margin: 1em auto; padding: 0 .8em; } .subject { padding: .7em; }
  .all-subjects .value { display: none; } .figures { grid-template-columns: 1fr 1fr; }
}
@media print {
  :root { color-scheme: light; --ink: #000; --faint: #444; --paper: #fff; --box: #fff; }
  body { margin: 0; max-width: none; font-size: 10pt; } .skip, .subject nav, .keys { display: none; }
  section.subject { content-visibility: visible; } figure, tr, ul.notes li { break-inside: avoid; }
  header, h2, h3, h4 { break-after: avoid; } .pictures { grid-template-columns: 1fr 1fr; }
}
)";

constexpr const char* kScript = R"(
'use strict';
document.addEventListener('keydown', event => {
  const step = {j: 1, k: -1}[event.key];
  if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
  const subjects = [...document.querySelectorAll('.subject')];
  let at = subjects.findIndex(s => s.contains(document.activeElement));
  if (at < 0) {  // the first of which something is seen
    at = subjects.findIndex(s => s.getBoundingClientRect().bottom > 0);
    if (at < 0) at = subjects.length - 1;
    if (step > 0 && subjects[at] && subjects[at].getBoundingClientRect().top > 8) at -= 1;
  }
  const next = subjects[at + step];
  if (!next) return;
  event.preventDefault();
  next.focus({preventScroll: true});
  next.scrollIntoView({block: 'start'});
});
)";

// As Content-Security-Policy names an inline style or script.
std::string source_hash(const char* source) {
  const std::string hex = sha256(source);
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return text("'sha256-", base64(bytes), "'");
}

}  // namespace

std::string qc_head(const std::string& title) {
  return text(
      "<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src "
      "data: 'self' file:; ",
      "style-src ", source_hash(kStyle), "; script-src ", source_hash(kScript), "\">\n",
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>", escaped(title), "</title>\n<style>",
      kStyle, "</style>\n</head>\n");
}

std::string qc_script() { return text("<script>", kScript, "</script>\n"); }

}  // namespace vitrine::report
