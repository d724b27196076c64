"""The style sheet of the HTML report: light and dark, wide and narrow."""

CSS = """
:root { color-scheme: light dark; --ink: #1d2329; --soft: #5c6670; --line: #d9dee3; --paper: #ffffff; --box: #f5f7f9;
  --good: #18794e; --bad: #c2212e; --warn: #8a5a00; --before: #aab4be;
  --c0: #2563b8; --c1: #1f9d78; --c2: #c77d12; --c3: #8b56c4; --c4: #c2457e; --c5: #3b9fb5;
  --c6: #8d9a2b; --c7: #7a8694 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #98a3ae; --line: #343b43; --paper: #15191d;
  --box: #1d2227; --good: #4cc38a; --bad: #ff6369; --warn: #f1b44c; --before: #56616c;
  --c0: #5b9bf0; --c1: #3fc79e; --c2: #e5a344; --c3: #b48ae6; --c4: #e679a9; --c5: #63c3d8;
  --c6: #b5c250; --c7: #98a3ae } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1.25rem 3rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.15rem; font-weight: 600; margin: 0 0 .25rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .5rem }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem } p { margin: .3rem 0 }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere }
.soft, footer, summary { color: var(--soft) } .good { color: var(--good) } .bad { color: var(--bad) }
.warn { color: var(--warn) } .big { font-size: 2.1rem; font-weight: 650; line-height: 1.2; margin: .1rem 0 1rem }
.verdict { font-size: 1.5rem; font-weight: 700; margin: .6rem 0 .2rem }
.verdict span { font-size: 1rem; font-weight: 400; color: var(--ink) }
.bad, .warn { font-weight: 600 } ul { margin: .3rem 0; padding-left: 1.2rem }
svg { display: block; width: 100%; max-width: 44rem; height: auto; margin: .5rem 0 }
td svg { width: 6rem; margin: 0 }
.scroll { overflow-x: auto } table { border-collapse: collapse; margin: .5rem 0; font-variant-numeric: tabular-nums }
th { text-align: left; font-weight: 500; font-size: .88rem; color: var(--soft) }
th, td { padding: .28rem 1.1rem .28rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
.n { text-align: right; white-space: nowrap } td:not(.n) { min-width: 6rem }
details { margin: .5rem 0; padding: .35rem .8rem; background: var(--box); border-radius: 6px }
summary { cursor: pointer }
.key { display: inline-block; width: .75rem; height: .75rem; border-radius: 2px; margin-right: .5rem }
.before { fill: var(--before); background: var(--before) } .zero { stroke: var(--soft); stroke-dasharray: 3 3 }
.range { stroke: var(--c0); stroke-width: 3 } .point { fill: var(--c0) } footer { margin-top: 2.5rem; font-size: .9rem }
""" + "".join(f".c{i} {{ fill: var(--c{i}); background: var(--c{i}) }}\n" for i in range(8))
