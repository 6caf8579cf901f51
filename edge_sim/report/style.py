"""The style sheet of the report: one page, light or dark as the reader's system is, and fit to print."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2126; --dim: #68707a; --paper: #fbfaf8; --card: #fff; --rule: #e3e0da;
  --memory: #1f6f8b; --disk: #67a9a0; --shield: #e0a458; --origin: #c8553d;
  --s3fifo: #1f6f8b; --sieve: #67a9a0; --lru: #c8553d; --tinylfu: #7d5ba6; --gdsf: #e0a458; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e6e1; --dim: #9aa1a9; --paper: #16191d; --card: #1e2227; --rule: #32373e;
  --memory: #58b0cc; --s3fifo: #58b0cc; --tinylfu: #b292d8; --origin: #e57a60; --lru: #e57a60; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 40px 24px 64px; max-width: 1180px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0; letter-spacing: -.01em; } h2 { font-size: 16px; margin: 0 0 2px; }
p { margin: 4px 0 0; color: var(--dim); } a { color: inherit; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 14px; margin: 26px 0; }
.card, section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 16px 18px; overflow: hidden; }
.card b { display: block; font-size: 22px; font-weight: 600; letter-spacing: -.02em; white-space: nowrap; }
.card small { font-size: 13px; font-weight: 400; color: var(--dim); letter-spacing: 0; }
.card span { color: var(--dim); font-size: 13px; }
.grid2 { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 14px; }
section { margin-bottom: 14px; min-width: 0; overflow-x: auto; } .grid2 section { margin-bottom: 0; } .grid2 { margin-bottom: 14px; }
svg { width: 100%; height: auto; display: block; margin-top: 10px; font-size: 12px; }
svg .grid { stroke: var(--rule); } svg text { fill: var(--dim); } svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .line { fill: none; stroke-width: 2.25; stroke-linejoin: round; } svg .area { stroke: none; } svg .band { opacity: .16; }
svg .mark { stroke: var(--dim); stroke-dasharray: 3 3; } svg text.mark { stroke: none; } svg .cell { fill: var(--memory); }
.memory { --c: var(--memory); } .disk { --c: var(--disk); } .shield { --c: var(--shield); } .origin { --c: var(--origin); }
.machine { --c: var(--dim); } .warm, .p50, .from.due, .edge { --c: var(--memory); } .p90, .listeners, .locust { --c: var(--disk); } .cold, .p99, .origin { --c: var(--origin); } .from.sent, .api { --c: var(--shield); }
.s3fifo { --c: var(--s3fifo); } .sieve { --c: var(--sieve); } .lru { --c: var(--lru); } .tinylfu { --c: var(--tinylfu); } .gdsf { --c: var(--gdsf); }
.c0 { --c: #1f6f8b; } .c1 { --c: #c8553d; } .c2 { --c: #67a9a0; } .c3 { --c: #7d5ba6; } .c4 { --c: #e0a458; } .c5 { --c: #3a7d44; } .c6 { --c: #b23a72; } .c7 { --c: #5b7fd1; } .c8 { --c: #8c6d46; } .c9 { --c: #2aa198; } .c10 { --c: #d17b0f; } .c11 { --c: #6c6f7d; }
svg .span { fill: var(--c, var(--dim)); } .player { --c: var(--dim); }
.dns, .session { --c: #8c6d46; }
.connect { --c: #e0a458; }
.tls { --c: #c99a2e; }
.grant, .bundle, .start { --c: #7d5ba6; }
.manifest, .presentation { --c: #1f6f8b; }
.playlist { --c: #5b7fd1; }
.init, .index { --c: #2aa198; }
.licence, .key { --c: #c8553d; }
.segment { --c: #3a7d44; }
.append, .decode { --c: #6c6f7d; }
.first-sound { --c: #d17b0f; }
.joined { --c: #b9a05c; } .all { --c: var(--ink); } .new { --c: var(--origin); } .before { --c: var(--dim); }
svg .line { stroke: var(--c); } svg .area, svg .dot { fill: var(--c); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; color: var(--dim); margin-top: 6px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; background: var(--c); margin-right: 6px; }
table { border-collapse: collapse; width: 100%; margin-top: 10px; font-variant-numeric: tabular-nums; font-size: 14px; }
th { font-weight: 500; color: var(--dim); text-align: right; } td { text-align: right; white-space: nowrap; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--rule); } tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } td.better { color: #2f8f5b; } td.worse { color: var(--origin); }
@media print { body { padding: 0; } section, .card { break-inside: avoid; } }
"""
