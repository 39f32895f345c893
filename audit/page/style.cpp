#include "audit/page/style.h"

namespace vitrine::audit {

// The shades of the map go from light to dark on white and from dark to light on black: more rho stands out more on either.
const char* const kAuditStyle = R"(
:root { --r0: #e3e6ea; --r1: #cfe3f1; --r2: #9dc8e4; --r3: #5ea1d1; --r4: #2171b5; --r5: #08306b; --bad: #b3261e; --good: #007a59; --on-bad: #ffffff; }
@media (prefers-color-scheme: dark) {
  :root { --r0: #2a3038; --r1: #16324a; --r2: #1f4f78; --r3: #2f78ad; --r4: #5eaee3; --r5: #c6e4fa; --bad: #ff7a6b; --good: #33c49b; --on-bad: #14171b; }
}
.verdict { border: 2px solid var(--good); border-left-width: 10px; border-radius: 4px; padding: .6em 1em; margin: 1em 0; }
.verdict.bad { border-color: var(--bad); border-style: double; border-width: 6px 6px 6px 12px; }
.verdict b { font-size: 1.15em; } .verdict p { max-width: none; }
code { font: .92em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
dd code { font-size: .88em; }
pre { font: .88em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; background: var(--box); border: 1px solid var(--line);
  border-radius: 4px; padding: .6em .8em; white-space: pre-wrap; overflow-wrap: anywhere; margin: .6em 0; }
.map table { width: 100%; table-layout: fixed; border-collapse: collapse; }
.map th, .map td { padding: .12em .6em .12em 0; text-align: left; vertical-align: middle; }
.map thead th:first-child { width: 26%; } .map tbody th { font-size: .87em; }
.map td .cell { display: flex; align-items: center; gap: .5em; } .map .worst { flex: none; width: 3.4em; text-align: right; font-size: .87em; }
.map .worst.bad { color: var(--bad); font-weight: 700; width: auto; }
svg.strip { flex: 1 1 0; min-width: 0; height: 1em; width: auto; border-bottom: 1px solid var(--line); }
.strip path { shape-rendering: crispEdges; } .strip .cross { fill: none; stroke: var(--on-bad); stroke-width: 1px; vector-effect: non-scaling-stroke; shape-rendering: auto; }
.r0 { fill: var(--r0); } .r1 { fill: var(--r1); } .r2 { fill: var(--r2); } .r3 { fill: var(--r3); } .r4 { fill: var(--r4); } .r5 { fill: var(--r5); } .r6 { fill: var(--bad); }
.scale { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2em 1.2em; font-size: .87em; color: var(--faint); }
.scale svg { display: inline-block; width: 1.7em; height: 1em; vertical-align: -.15em; margin-right: .4em; }
.bars rect { fill: var(--blue); } svg .thin { stroke-width: 2px; } svg .thin.blue { stroke: var(--blue); stroke-opacity: .4; } svg .thin.green { stroke: var(--green); stroke-opacity: .4; }
:target { outline: 2px solid var(--mark); outline-offset: 1px; }
.panels figure { margin: 0; min-width: 0; }
@media (max-width: 700px) {
  .map table, .map tbody, .map caption { display: block; } .map thead { position: absolute; left: -999em; }
  .map tr { display: grid; grid-template-columns: 1fr 1fr; column-gap: .8em; border-bottom: 1px solid var(--line); padding: .2em 0; }
  .map tbody th { grid-column: 1 / -1; border: 0; width: auto; padding: 0; } .map td { border: 0; padding: 0; min-width: 0; }
  .slim table.cards { display: table; } .slim .cards caption { display: table-caption; } .slim .cards thead { display: table-header-group; position: static; }
  .slim .cards tbody { display: table-row-group; } .slim .cards tr { display: table-row; }
  .slim .cards th, .slim .cards td, .slim .cards tbody th, .slim .cards tbody td { display: table-cell; padding: .2em .5em .2em 0; border-bottom: 1px solid var(--line); font-size: .93em; }
  .slim .cards tbody th { font-weight: 400; text-align: left; } .slim .cards [data-name]::before { content: none; }
}
@media print {
  :root { --r0: #e3e6ea; --r1: #cfe3f1; --r2: #9dc8e4; --r3: #5ea1d1; --r4: #2171b5; --r5: #08306b; --bad: #b3261e; --good: #007a59; --on-bad: #fff; }
  .verdict { break-inside: avoid; } .strip, .scale svg { -webkit-print-color-adjust: exact; print-color-adjust: exact; } .fold { break-before: page; }
}
)";

const char* const kCertificateStyle = R"(
body { max-width: 210mm; font-size: 13px; line-height: 1.4; }
h1 { font-size: 1.6em; } h2 { font-size: 1.08em; margin: 1.2em 0 .3em; }
code { font-size: .84em; } pre { margin: .3em 0; padding: .4em .7em; font-size: .8em; } dl { margin: .3em 0; gap: .1em 1em; } ul { margin: .3em 0; } li, p { max-width: none; }
.fold dl { font-size: .95em; }
@media print {
  @page { size: A4; margin: 12mm 14mm; }
  body { font-size: 8.6pt; line-height: 1.3; } h1 { margin: 0; } h2 { margin: .7em 0 .2em; } .verdict { margin: .5em 0; padding: .35em .8em; } .fold { break-before: auto; }
}
)";

}  // namespace vitrine::audit
