/** The look of our own pages: the dashboard's, by its very colours (`dashboard/src/styles.css`), with no file of it. */
export const STYLE = `:root{color-scheme:light dark;--bg:#fafaf9;--panel:#ffffff;--sunken:#f4f4f2;--line:#e4e4e0;--ink:#1a1a18;--soft:#5c5c56;--brand:#0b6b50;--brand-hover:#095740;--on-brand:#ffffff;--brand-ink:#0b6b50;--shadow:0 1px 2px rgb(0 0 0 / 0.05)}
@media (prefers-color-scheme:dark){:root{--bg:#0e0f0f;--panel:#161817;--sunken:#1d201f;--line:#2a2d2c;--ink:#ededea;--soft:#a3a8a4;--brand:#23a67f;--brand-hover:#34b88f;--on-brand:#04150f;--brand-ink:#4fcfa6;--shadow:0 0 0 transparent}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;background:var(--bg);color:var(--ink);font:14px/1.5 "Inter Variable",system-ui,-apple-system,"Segoe UI",sans-serif;-webkit-font-smoothing:antialiased}
header{display:flex;align-items:center;gap:.625rem;padding:1rem;font-size:15px;font-weight:600;letter-spacing:-.025em}
header svg{width:1.5rem;height:1.5rem}
main{width:100%;max-width:42rem;margin:0 auto;padding:1rem 1rem 6rem}
main.small{max-width:26rem;margin:auto}
h1{margin:0;font-size:1.5rem;line-height:1.33;font-weight:600;letter-spacing:-.025em;text-wrap:balance}
h2{margin:0;font-size:15px;font-weight:600;overflow-wrap:anywhere}
p{margin:0}
h1+p{margin-top:.25rem;margin-bottom:1.5rem}
ul{list-style:none;margin:0;padding:0;display:grid;gap:1rem}
.card{min-width:0;padding:1.5rem;border:1px solid var(--line);border-radius:1rem;background:var(--panel);box-shadow:var(--shadow);display:flex;flex-direction:column;gap:1rem}
.quiet{color:var(--soft)}
.row{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:baseline;justify-content:space-between}
code{font-family:ui-monospace,"SF Mono","JetBrains Mono",Menlo,Consolas,monospace;font-size:13px;overflow-wrap:anywhere}
.box{display:block;padding:.625rem .75rem;border-radius:.5rem;background:var(--sunken);color:var(--soft)}
a{color:var(--brand-ink)}
.button{display:inline-flex;align-items:center;justify-content:center;width:100%;min-height:2.25rem;padding:0 .875rem;border:0;border-radius:.5rem;background:var(--brand);color:var(--on-brand);box-shadow:var(--shadow);font:inherit;font-weight:500;text-decoration:none;cursor:pointer}
.button:hover{background:var(--brand-hover)}
.button[disabled]{opacity:.6;cursor:not-allowed}
:focus-visible{outline:2px solid var(--brand-ink);outline-offset:2px}
@media (min-width:640px){header{padding:1rem 1.5rem}}`
