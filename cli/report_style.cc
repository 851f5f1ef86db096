#include "cli/report_style.h"

namespace vecferry::cli {

// Each colour of text has a contrast of at least 4.5 to 1 on what it stands on (WCAG 2.1, AA).
Markup ReportStyle() {
  return R"css(:root {
  color-scheme: light dark;
  --page: #fff; --text: #1b1f24; --faint: #57606a; --line: #d0d7de; --band: #f6f8fa; --link: #0b5cad;
  --good: #0b6b2e; --good-box: #e8f5ec; --warn: #7a4b00; --warn-box: #fff5dc; --bad: #a40e26; --bad-box: #ffebed;
  --stopped: #3b4754; --stopped-box: #eef1f4; --with: #0b5cad; --without: #a84300;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #11161c; --text: #e6e9ed; --faint: #a3afbb; --line: #38424d; --band: #1a2129; --link: #79bcff;
    --good: #7ee2a0; --good-box: #12301e; --warn: #f3c755; --warn-box: #37290a; --bad: #ff9d9d; --bad-box: #43171b;
    --stopped: #c3ccd5; --stopped-box: #222a33; --with: #79bcff; --without: #ffab66;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 20px 20px 48px; }
h1, h2, h3, p { margin: 0; overflow-wrap: anywhere; }
h1 { font-size: 26px; line-height: 1.25; }
h2 { font-size: 19px; margin: 36px 0 10px; padding-bottom: 4px; border-bottom: 1px solid var(--line); }
h3 { font-size: 15px; margin: 0 0 4px; }
a { color: var(--link); }
code { font: 0.92em ui-monospace, monospace; overflow-wrap: anywhere; }
header { display: flex; flex-wrap: wrap; gap: 2px 22px; margin-bottom: 14px; color: var(--faint); }
header .title { color: var(--text); font-weight: 600; }
.verdict { display: flex; gap: 18px; padding: 18px 20px; border: 2px solid; border-radius: 8px; }
.verdict > div { min-width: 0; color: var(--text); }
.verdict h1 { margin-bottom: 4px; }
.verdict .symbol { flex: none; fill: none; stroke: currentColor; stroke-width: 4; stroke-linecap: round; }
.verdict.good { color: var(--good); background: var(--good-box); }
.verdict.warn { color: var(--warn); background: var(--warn-box); }
.verdict.bad { color: var(--bad); background: var(--bad-box); }
.verdict.stopped { color: var(--stopped); background: var(--stopped-box); }
.verdict.good h1, span.good { color: var(--good); }
.verdict.warn h1, span.warn, .flag { color: var(--warn); }
.verdict.bad h1, strong.bad { color: var(--bad); }
.verdict.stopped h1 { color: var(--stopped); }
.verdict ul { margin: 8px 0 0; padding-left: 20px; }
.verdict a { color: inherit; }
.verdict .failure { margin-top: 8px; font-weight: 600; }
.verdict .level { margin-top: 10px; }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-top: 14px; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 8px; margin: 0; }
.figures div { padding: 8px 12px; border: 1px solid var(--line); border-radius: 6px; }
.figures dd { margin: 0; font-size: 20px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
dt { color: var(--faint); font-size: 13px; }
.scroll { overflow-x: auto; max-width: 100%; margin: 10px 0; }
table { border-collapse: collapse; font-size: 13px; }
caption { text-align: left; color: var(--faint); padding-bottom: 4px; }
caption span { position: sticky; left: 0; display: inline-block; max-width: calc(100vw - 40px); }
th, td { padding: 5px 7px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow: hidden; }
thead th { border-bottom: 2px solid var(--line); background: var(--band); vertical-align: bottom; }
tbody th { font-weight: 400; }
tfoot th, tfoot td { border-bottom: 0; border-top: 2px solid var(--line); font-weight: 600; }
th, td { max-width: 22em; overflow-wrap: break-word; }
td.long { min-width: 12em; max-width: 36em; overflow-wrap: anywhere; }
td.word { overflow-wrap: normal; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
thead .number { white-space: normal; }
.more, .remark, .cut, .unseen { color: var(--faint); }
.remark { font-size: 13px; max-width: 80em; }
.unseen { border: 1px solid var(--line); border-radius: 3px; font-size: 0.85em; }
.notes { margin: 8px 0; padding-left: 20px; overflow-wrap: anywhere; }
summary { cursor: pointer; padding: 4px 0; color: var(--link); }
.ends { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 20px; }
dl { margin: 0; }
dl div { margin-bottom: 6px; }
dd { margin: 0; overflow-wrap: anywhere; }
.plot { display: block; min-width: 620px; max-width: 760px; height: auto; font-size: 13px; fill: var(--text); }
.plot .lane, .plot .tick { fill: var(--faint); }
.plot .lane { text-anchor: end; }
.plot .tick { text-anchor: middle; font-size: 12px; }
.plot .name { font-weight: 600; paint-order: stroke; stroke: var(--page); stroke-width: 5px; }
.plot .grid { stroke: var(--line); }
.plot .track { fill: var(--band); }
.plot .stage { fill: var(--with); }
.plot .with, .plot .without { stroke-width: 2; }
.plot .with { stroke: var(--with); fill: var(--with); }
.plot .without { stroke: var(--without); fill: var(--page); }
.plot .with text, .plot .without text { stroke: none; }
.plot .with .value, .plot .without .value { fill: var(--text); }
.lines { display: grid; grid-template-columns: 2fr 1fr 2fr; gap: 52px 24px; margin-top: 56px; }
.lines span { border-top: 1px solid var(--text); padding-top: 4px; font-size: 13px; }
.lines .wide { grid-column: 1 / -1; }
@media screen and (max-width: 640px) {
  main { padding: 12px 12px 32px; }
  h1 { font-size: 22px; }
  .verdict { padding: 14px; gap: 12px; }
  .verdict .symbol { width: 34px; height: 34px; }
  .figures { grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)); }
  th, td { max-width: 14em; }
  thead th:first-child, th[scope=row] { position: sticky; left: 0; min-width: 7.5em; max-width: 9em; overflow-wrap: anywhere; }
  th[scope=row] { background: var(--page); }
}
@media screen { #signature { display: none; } }
@page { size: A4; margin: 14mm 12mm 16mm; @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; } }
@media print {
  :root {
    color-scheme: light;
    --page: #fff; --text: #000; --faint: #444; --line: #bbb; --band: #f2f2f2; --link: #000;
    --good: #0b6b2e; --good-box: #fff; --warn: #7a4b00; --warn-box: #fff; --bad: #a40e26; --bad-box: #fff;
    --stopped: #3b4754; --stopped-box: #fff; --with: #0b5cad; --without: #a84300;
  }
  body { font-size: 9.5pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  nav, summary { display: none; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  h1 { font-size: 17pt; }
  h2 { font-size: 12.5pt; margin-top: 14pt; break-after: avoid; }
  .scroll { overflow: visible; }
  caption span { max-width: none; }
  table { width: 100%; font-size: 7pt; }
  thead { display: table-header-group; }
  tfoot { display: table-row-group; }
  tr, .figures div, .ends > div, .plot, .verdict, #signature { break-inside: avoid; }
  caption, h3, thead, thead tr { break-after: avoid; }
  tbody tr:first-child { break-before: avoid; }
  th, td { padding: 2pt 2.5pt; max-width: none; overflow-wrap: anywhere; }
  thead th { overflow-wrap: normal; hyphens: auto; }
  td.long { min-width: 8em; max-width: none; }
  td.word { overflow-wrap: normal; }
  tr > :nth-child(-n+2):not(.number) { min-width: 9em; }
  #tables tr > :nth-child(-n+2) { min-width: 11em; }
  .ends { grid-template-columns: 3fr 3fr 1fr; }
  .figures { grid-template-columns: repeat(5, 1fr); }
  .figures dd { font-size: 11pt; }
  .plot { min-width: 0; width: 150mm; }
  .remark, .more { font-size: 8pt; }
  a { text-decoration: none; }
}
)css";
}

}  // namespace vecferry::cli
