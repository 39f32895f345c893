#include "report/report_style.h"

namespace vitrine::report {

// Text has a contrast of at least 4.5 to 1 to what it stands on, in both schemes (tests/report/report_test.cpp).
const char* const kReportStyle = R"(
:root { color-scheme: light dark; --ink: #1f2328; --faint: #57606a; --paper: #ffffff; --line: #d9dde3; --rule: #8a8f98; --box: #f6f8fa;
  --note: #fff6e0; --edge: #b36b00; --blue: #0072b2; --vermilion: #b84a00; --green: #007a59; --mark: #0072b2; --grid: #e6e9ed; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --faint: #a3adb8; --paper: #14171b; --line: #343b44; --rule: #6e7681; --box: #1d2228;
    --note: #2e2617; --edge: #e69f00; --blue: #56b4e9; --vermilion: #ff9a5c; --green: #33c49b; --mark: #56b4e9; --grid: #2a3038; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 1080px; margin: 2em auto; padding: 0 1.4em; overflow-wrap: anywhere; }
h1 { font-size: 1.65em; line-height: 1.25; margin: 0 0 .4em; }
h2 { font-size: 1.3em; margin: 2.6em 0 .4em; padding-bottom: .2em; border-bottom: 2px solid var(--rule); }
h3 { font-size: 1.08em; margin: 2em 0 .4em; }
h4 { font-size: .95em; margin: 1.2em 0 .3em; }
p { margin: .5em 0; max-width: 78ch; }
a { color: var(--blue); }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
.skip { position: absolute; left: -999em; top: 0; padding: .5em 1em; background: var(--paper); z-index: 1; }
.skip:focus { left: .5em; top: .5em; }
.note { background: var(--note); border-left: 4px solid var(--edge); padding: .6em 1em; margin: 1em 0; max-width: none; }
.small, .legend, figcaption, .source { color: var(--faint); font-size: .87em; max-width: none; }
.source { margin: .3em 0 0; }
nav ol { columns: 3 16em; margin: .4em 0; padding-left: 1.4em; font-size: .93em; } nav li { break-inside: avoid; padding: .12em 0; }
.wide { overflow-x: auto; margin: .6em 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--faint); font-size: .87em; padding-bottom: .3em; }
th, td { padding: .26em .8em .26em 0; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: normal; }
thead th { font-weight: 600; border-bottom: 1.5px solid var(--rule); vertical-align: bottom; font-size: .93em; }
tbody th { font-weight: 400; }
th:first-child, td.text, th.text { text-align: left; } td.text { min-width: 5em; }
td.paper, th.paper { color: var(--faint); font-style: italic; }
tr.group th, tr.group td { border-top: 2px solid var(--rule); }
tr.total th, tr.total td { font-weight: 600; border-top: 2px solid var(--rule); }
td .small, th .small { display: block; } td small { color: var(--faint); font-size: .87em; }
.dense table { font-size: .87em; } .dense th, .dense td { padding-right: .7em; }
.even table { table-layout: fixed; width: 100%; min-width: 860px; } .even th:first-child { width: 16%; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 350px), 1fr)); gap: .8em 1.4em; margin: .6em 0; }
.panels > svg { max-width: 480px; }
svg { display: block; width: 100%; height: auto; }
svg text { font-family: inherit; fill: var(--ink); } svg .tick { font-size: 10.5px; fill: var(--faint); } svg .axis { font-size: 11px; fill: var(--faint); }
svg .title { font-size: 13px; font-weight: 600; } svg .say { font-size: 11px; }
svg .say, svg .tick { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
svg .grid { stroke: var(--grid); } svg .frame { fill: none; stroke: var(--rule); }
svg .line { fill: none; stroke-linejoin: round; } svg .band { fill-opacity: .16; }
svg .blue { stroke: var(--blue); } svg .vermilion { stroke: var(--vermilion); } svg .green { stroke: var(--green); } svg .grey { stroke: var(--rule); }
svg .fill.blue { stroke: none; fill: var(--blue); } svg .fill.vermilion { stroke: none; fill: var(--vermilion); } svg .fill.green { stroke: none; fill: var(--green); } svg .fill.grey { stroke: none; fill: var(--rule); }
.key { display: inline-block; width: 1.5em; height: .28em; margin: 0 .25em 0 .8em; vertical-align: middle; border-radius: 2px;
  -webkit-print-color-adjust: exact; print-color-adjust: exact; }
.key.blue { background: var(--blue); } .key.vermilion { background: var(--vermilion); } .key.green { background: var(--green); } .key.grey { background: var(--rule); }
.key:first-child { margin-left: 0; }
.crops { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 250px), 1fr)); gap: .9em; margin: .6em 0; }
.crop { margin: 0; padding: .5em; border: 1px solid var(--line); border-radius: 4px; min-width: 0; }
.crop img { display: block; image-rendering: pixelated; width: 100%; height: auto; background: #000; }
.crop.right { border-color: var(--green); } .crop.wrong { border: 2px solid var(--vermilion); }
.crop figcaption { margin-top: .35em; } .crop b { color: var(--ink); }
.explained img { image-rendering: auto; }
.matrices { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 235px), 1fr)); gap: .6em 1.4em; }
.matrices table { width: 100%; } .matrices .small { display: block; }
dl { display: grid; grid-template-columns: minmax(9em, max-content) 1fr; gap: .2em 1.2em; margin: .6em 0; }
dt { color: var(--faint); } dd { margin: 0; }
ul { padding-left: 1.3em; } li { margin: .2em 0; max-width: 78ch; }
.yours { color: var(--vermilion); font-weight: 600; }
@media (max-width: 700px) {
  body { margin: 1em auto; padding: 0 .8em; } nav ol { columns: 1; } nav li { padding: .3em 0; }
  .wide { overflow-x: visible; } .dense table { font-size: .93em; }
  table.cards { display: block; width: 100%; min-width: 0; } .even th:first-child { width: auto; } .cards caption, .cards tbody, .cards tr, .cards th, .cards td { display: block; }
  .cards thead { position: absolute; left: -999em; }
  .cards tr { border: 1px solid var(--line); border-radius: 6px; padding: .4em .7em; margin: .6em 0; }
  .cards tbody th, .cards tbody td, .cards td.text { display: flex; justify-content: space-between; gap: 1em; text-align: right; border: 0; padding: .1em 0; min-width: 0; overflow-wrap: anywhere; }
  .cards tbody th { font-weight: 600; } .cards tbody td:empty { display: none; }
  .cards [data-name]::before { content: attr(data-name); color: var(--faint); font-weight: 400; font-style: normal; text-align: left; flex: none; max-width: 48%; }
  dl { grid-template-columns: minmax(6em, 38%) 1fr; gap: .2em .8em; }
}
@media print {
  :root { color-scheme: light; --ink: #000; --faint: #444; --paper: #fff; --line: #ccc; --rule: #777; --box: #fff; --note: #fff; --edge: #b36b00;
    --blue: #0072b2; --vermilion: #b84a00; --green: #007a59; --grid: #e6e9ed; }
  body { margin: 0; padding: 0; max-width: none; font-size: 9.5pt; } .skip { display: none; } a { color: inherit; text-decoration: none; }
  .wide { overflow: visible; } h2, h3, h4, caption { break-after: avoid; } figure, tr, svg, .note, .matrices > div { break-inside: avoid; }
  .even table { min-width: 0; } .panels { grid-template-columns: 1fr 1fr; } .crops { grid-template-columns: 1fr 1fr 1fr; } .dense table { font-size: 7.6pt; } th, td { padding-right: .5em; }
}
)";

}  // namespace vitrine::report
