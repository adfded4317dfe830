"""The one style of the page."""

STYLE = """
:root{--paper:#fbfaf8;--card:#fff;--ink:#1c2024;--soft:#626a73;--rule:#e3e1dc;--link:#1f5fbf;--code:#f1efea;
--create:#1a7f4b;--update:#a66a00;--delete:#c2332f;--restore:#1a7f4b;--rollback:#7a4bc2;--broken:#c2332f;
--ins:#e3f5e9;--ins-ink:#0f5c33;--del:#fdeaea;--del-ink:#96211e}
@media(prefers-color-scheme:dark){:root{--paper:#15181c;--card:#1d2126;--ink:#e4e6e9;--soft:#98a1ab;--rule:#30363d;
--link:#79b0ff;--code:#272c33;--create:#4cc38a;--update:#e0a84a;--delete:#ff7b72;--restore:#4cc38a;--rollback:#b794f4;
--broken:#ff7b72;--ins:#16352a;--ins-ink:#8fe0b4;--del:#3d2023;--del-ink:#ffb0aa}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem clamp(1rem,4vw,3rem) 4rem;max-width:88rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.25;margin:0;font-weight:650;letter-spacing:-.01em}
h2{font-size:.8rem;text-transform:uppercase;letter-spacing:.08em;color:var(--soft);margin:2.2rem 0 .8rem;font-weight:600}
h3{font-size:1rem;margin:0;font-weight:600;line-height:1.4}
p{margin:.15rem 0}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
code,pre,ins,del,.value,th{font-family:ui-monospace,"SFMono-Regular",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
code{background:var(--code);border-radius:3px;padding:.08em .35em}
.env{color:var(--soft);font-weight:400}
header p{color:var(--soft);margin-top:.35rem}
.strip{margin:1.4rem 0 0;padding:.9rem .4rem .5rem;background:var(--card);border:1px solid var(--rule);border-radius:10px;overflow-x:auto}
svg{display:block}
svg .rail{stroke:var(--rule);stroke-width:2}
svg circle{fill:var(--update);stroke:var(--card);stroke-width:2}
svg circle.create,svg circle.restore{fill:var(--create)}svg circle.rollback{fill:var(--rollback)}
svg circle.delete{fill:var(--card);stroke:var(--delete)}svg circle.broken{fill:var(--broken)}
svg .arc{fill:none;stroke:var(--rollback);stroke-width:1.5}svg .head{fill:var(--rollback)}
svg text{fill:var(--ink);font-size:11px;text-anchor:middle;font-family:system-ui,"DejaVu Sans",sans-serif}svg .day{fill:var(--soft)}
main{display:grid;grid-template-columns:minmax(0,1fr);gap:0 2.5rem}
@media(min-width:78rem){main{grid-template-columns:minmax(0,10fr) minmax(0,11fr)}}
article{display:grid;grid-template-columns:3.2rem minmax(0,1fr);background:var(--card);border:1px solid var(--rule);
border-radius:10px;padding:.85rem 1rem .85rem 0;margin-bottom:.7rem;scroll-margin-top:1rem}
article:target{outline:2px solid var(--link);outline-offset:1px}
.number{font-size:1.15rem;font-weight:650;text-align:center;color:var(--kind)}
article{--kind:var(--update)}article.create,article.restore{--kind:var(--create)}article.delete,article.broken{--kind:var(--delete)}
article.rollback{--kind:var(--rollback)}
.meta{color:var(--soft);font-size:.87rem}
.kind{color:var(--kind);font-weight:600;margin-right:.35rem}
.reason{margin-top:.3rem}.more{color:var(--soft);white-space:pre-line}
article ul{list-style:none;margin:.3rem 0;padding:0;font-size:.87rem}.key{color:var(--soft)}
.bad{color:var(--delete)}
details{margin-top:.45rem}summary{cursor:pointer;color:var(--soft);font-size:.87rem}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.28rem .5rem;font-weight:400}
.diff{margin-top:.35rem}.diff td,.diff th{border-top:1px solid var(--rule)}
.diff th{width:34%;padding-left:0}.diff .sign{width:1.4rem;padding:.28rem 0;font-weight:700;color:var(--soft)}
.add .sign{color:var(--create)}.remove .sign{color:var(--delete)}
ins,del{text-decoration:none;border-radius:3px;padding:.08em .35em;white-space:pre-wrap}
ins{background:var(--ins);color:var(--ins-ink)}del{background:var(--del);color:var(--del-ink)}
ins:has(pre),del:has(pre){display:block}
pre{margin:0;white-space:pre-wrap}ins pre,del pre{font-size:1em}pre span{display:block;padding:0 .35em;border-radius:2px}
pre .ins{background:var(--ins);color:var(--ins-ink)}pre .del{background:var(--del);color:var(--del-ink)}pre .same{color:var(--soft)}
.arrow{color:var(--soft)}.secret{color:var(--soft);font-style:italic}
.scroll{background:var(--card);border:1px solid var(--rule);border-radius:10px;overflow-x:auto}
.values thead th{font:600 .75rem/1.4 system-ui,"DejaVu Sans",sans-serif;color:var(--soft);border-bottom:1px solid var(--rule);padding-top:.55rem}
.values tbody tr+tr>*{border-top:1px solid var(--rule)}
.values table{table-layout:fixed}.values thead th:first-child{width:34%}.values thead th:last-child{width:8.2rem}
.values time{color:var(--soft);font-size:.85em}.values td:last-child{white-space:nowrap}
.origin{color:var(--soft);font-size:.8rem;line-height:1.45;margin-top:.1rem}.origin code{font-size:.95em}
.values tbody tr:hover{background:color-mix(in srgb,var(--code) 55%,transparent)}
@media print{body{background:#fff}article{break-inside:avoid}}
"""
