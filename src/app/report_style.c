/*
 * report_style.c - the style sheet of a report's page.
 *
 * Colours have names that mean the same by day, by night and on paper; each pair of them that text
 * is made of has a contrast of 4.5 or more (a test measures it in a browser). Nothing is fetched.
 * Whatever may be long breaks or scrolls in its own box: the page never scrolls sideways. Below 40
 * em a table becomes cards.
 */
#include <stddef.h>

#include "app/report_internal.h"

const char *const report_style[] = {
    ":root{color-scheme:light dark;--paper:#f7f6f3;--card:#fff;--ink:#1c2227;--soft:#545d66;"
    "--line:#dedbd4;--code:#f3f1ec;--curve:#1f5fa8;--pass:#14653a;--pass-bg:#e4f3e9;"
    "--fail:#a1161c;--fail-bg:#fce9e8;--unknown:#744700;--unknown-bg:#fcf0d6;--waived:#484689;"
    "--waived-bg:#ebeafa;--note:#48525c;--note-bg:#eceff1}\n",
    "@media screen and (prefers-color-scheme:dark){:root{--paper:#131619;--card:#1a1e22;"
    "--ink:#e7e9eb;--soft:#a6afb8;--line:#343a41;--code:#101316;--curve:#7db4ee;--pass:#83d9a4;"
    "--pass-bg:#13301e;--fail:#ffa29d;--fail-bg:#3e1719;--unknown:#f2c670;--unknown-bg:#36280b;"
    "--waived:#bebbf6;--waived-bg:#28264c;--note:#b8c0c8;--note-bg:#2a3036}}\n",
    "*{box-sizing:border-box}\n",
    "html{-webkit-text-size-adjust:100%}\n",
    "body{margin:0;padding:2.5rem 1.25rem 3rem;background:var(--paper);color:var(--ink);"
    "font:1rem/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"DejaVu Sans\","
    "sans-serif;overflow-wrap:anywhere}\n",
    "header,main,footer{max-width:62rem;margin:0 auto}\n",
    "h1{font-size:1.75rem;line-height:1.25;font-weight:650;margin:0 0 1rem;"
    "letter-spacing:-.01em}\n",
    "h2{font-size:1.2rem;line-height:1.3;font-weight:650;margin:2.5rem 0 .75rem}\n",
    "p{margin:.75rem 0;max-width:46rem;white-space:pre-line}\n",
    ".badge{display:inline-block;padding:.1rem .55rem;border:1px solid;border-radius:1rem;"
    "font-size:.75rem;line-height:1.4;font-weight:700;letter-spacing:.04em;white-space:nowrap}\n",
    ".pass{--is:var(--pass);--is-bg:var(--pass-bg)}.fail{--is:var(--fail);--is-bg:var(--fail-bg)}"
    ".unknown{--is:var(--unknown);--is-bg:var(--unknown-bg)}"
    ".waived{--is:var(--waived);--is-bg:var(--waived-bg)}"
    ".note{--is:var(--note);--is-bg:var(--note-bg)}\n",
    ".badge{color:var(--is);background:var(--is-bg)}\n",
    ".verdict{display:flex;flex-wrap:wrap;gap:.5rem .9rem;align-items:center;max-width:none;"
    "margin:0 0 1.5rem;padding:1rem 1.25rem;border:1px solid var(--line);"
    "border-left:.4rem solid var(--is);border-radius:.5rem;background:var(--card);"
    "font-size:1.15rem;line-height:1.4;font-weight:550}\n",
    ".verdict .badge{font-size:.9rem;padding:.15rem .8rem}"
    ".verdict span+span{flex:1 1 14rem;white-space:pre-line}\n",
    "dl,.cases,figure{background:var(--card);border:1px solid var(--line);border-radius:.5rem}\n",
    "dl{margin:.75rem 0 1.25rem;padding:.35rem 1.25rem}\n",
    "dl div{display:grid;grid-template-columns:minmax(9rem,15rem) 1fr;gap:.1rem 1.25rem;"
    "padding:.45rem 0}dl div+div{border-top:1px solid var(--line)}\n",
    "dt{color:var(--soft)}dd{margin:0;white-space:pre-line;font-variant-numeric:tabular-nums}\n",
    ".cases{margin:.75rem 0 1.25rem;overflow:hidden}\n",
    "table{width:100%;border-collapse:collapse}\n",
    "th,td{padding:.55rem .75rem;text-align:left;vertical-align:baseline}\n",
    "th:first-child,td:first-child{padding-left:1.25rem;width:8.25rem;white-space:nowrap}\n",
    "th:last-child,td:last-child{padding-right:1.25rem}\n",
    "thead th{color:var(--soft);font-size:.85rem;font-weight:600}\n",
    "tbody tr{border-top:1px solid var(--line)}\n",
    "tbody th{font-weight:600;width:28%}td{white-space:pre-line}\n",
    ".took{text-align:right;white-space:nowrap;width:1%;font-variant-numeric:tabular-nums}\n",
    "pre{margin:.75rem 0 1.25rem;padding:.9rem 1.25rem;overflow-x:auto;background:var(--code);"
    "border:1px solid var(--line);border-radius:.5rem;overflow-wrap:normal;tab-size:8;"
    "font:.9rem/1.55 ui-monospace,\"Cascadia Mono\",Menlo,Consolas,\"DejaVu Sans Mono\","
    "monospace}\n",
    "pre:focus-visible{outline:2px solid var(--curve);outline-offset:2px}\n",
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));"
    "gap:1rem;margin:.75rem 0 1.25rem}\n",
    "figure{margin:0;padding:.9rem 1rem .6rem;max-width:34rem;min-width:0}\n",
    "figcaption{font-weight:600;margin:0 .25rem .5rem}figcaption small{display:block;"
    "font-size:.85rem;font-weight:400;color:var(--soft)}\n",
    "svg{display:block;width:100%;height:auto;fill:none;stroke-linecap:round;"
    "stroke-linejoin:round}svg text{fill:var(--soft);font-size:11.5px;"
    "font-variant-numeric:tabular-nums}svg .axis{font-style:italic}\n",
    ".grid{stroke:var(--line)}.base{stroke:var(--soft)}polyline{stroke:var(--curve);"
    "stroke-width:1.75}circle{fill:var(--curve);stroke:var(--card)}"
    "g path{stroke:var(--is);stroke-width:2.5}g rect{fill:var(--is);stroke:var(--card)}\n",
    "footer{margin-top:2.5rem;padding-top:.9rem;border-top:1px solid var(--line);"
    "color:var(--soft);font-size:.85rem}\n",
    "@media screen and (max-width:40em){body{padding:1.5rem .9rem 2rem}h1{font-size:1.4rem}"
    ".verdict{font-size:1.05rem;padding:.9rem 1rem}dl{padding:.25rem 1rem}"
    "dl div{grid-template-columns:1fr}dt{font-size:.85rem}"
    ".cases{background:none;border:0;overflow:visible}"
    "table,tbody,tr,th,td{display:block;width:auto}"
    "thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}"
    "tbody tr{background:var(--card);border:1px solid var(--line);border-radius:.5rem;"
    "padding:.7rem 1rem;margin:0 0 .6rem}"
    "tbody th,tbody td,th:first-child,td:first-child,th:last-child,td:last-child,tbody th"
    "{padding:.1rem 0;width:auto;white-space:pre-line}td:empty{display:none}"
    ".took{text-align:left;color:var(--soft);font-size:.85rem}"
    "pre{padding:.75rem 1rem;white-space:pre-wrap;overflow-wrap:anywhere}}\n",
    "@page{margin:16mm}\n",
    "@media print{:root{color-scheme:light;--paper:#fff}html{font-size:10pt}body{padding:0}"
    "h2{margin-top:1.75rem;break-after:avoid}"
    "tr,figure,.verdict,dl div{break-inside:avoid}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:none}"
    ".badge{background:none}thead{display:table-header-group}"
    ".plots{grid-template-columns:1fr 1fr}p{orphans:3;widows:3}}\n",
    NULL
};
