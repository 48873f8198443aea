import { tokenStyles } from './tokens.ts'

/** The one style sheet of all frames: quiet, large enough to read, visible focus, no colour as the only sign. */
export const styles = `${tokenStyles}
*,*::before,*::after{box-sizing:border-box}
html{font-size:100%;scroll-behavior:smooth}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;color:var(--text);background:#fff;font-family:'Noto Sans JP','Noto Sans CJK JP','Hiragino Kaku Gothic ProN',Meiryo,sans-serif;font-size:1rem;line-height:1.7;letter-spacing:.02em}
a{color:var(--key);text-decoration:underline;text-underline-offset:.2em}
a:hover{color:var(--key-strong);text-decoration-thickness:3px}
:focus-visible{outline:4px solid #000;outline-offset:2px;box-shadow:0 0 0 2px var(--focus);border-radius:4px}
main:focus-visible{outline:none;box-shadow:none}
.skip{position:absolute;left:1rem;top:-4rem;background:var(--focus);color:#000;padding:.5rem 1rem;z-index:1}
.skip:focus{top:.5rem}
.head{border-bottom:1px solid var(--line-soft);border-top:.5rem solid var(--key)}
.head-in{max-width:72rem;margin:0 auto;padding:.75rem 1.5rem;display:flex;flex-wrap:wrap;gap:.5rem 2rem;align-items:center}
.brand{font-weight:700;font-size:1.25rem;color:var(--text);text-decoration:none;margin-right:auto}
.head nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:0;padding:0}
.lang{border:1px solid var(--line);border-radius:.5rem;padding:.25rem .75rem;text-decoration:none;color:var(--text)}
.main{width:100%;max-width:48rem;margin:0 auto;padding:2rem 1.5rem 4rem;flex:1}
.main.wide{max-width:72rem}
.foot{background:var(--ground);border-top:1px solid var(--line-soft);color:var(--text-soft);font-size:.875rem}
.foot p{max-width:72rem;margin:0 auto;padding:1rem 1.5rem}
h1{font-size:2rem;line-height:1.5;margin:0 0 1.5rem}
h2{font-size:1.5rem;line-height:1.5;margin:2.5rem 0 1rem}
h3{font-size:1.25rem;margin:2rem 0 .5rem}
p{margin:0 0 1rem}
code{font-family:'Noto Sans Mono',monospace;font-size:.9375em;background:var(--ground);padding:.1em .35em;border-radius:4px;overflow-wrap:anywhere}
pre{background:var(--ground);border:1px solid var(--line-soft);border-radius:.5rem;padding:1rem;overflow:auto;white-space:pre-wrap;font-size:.9375rem;line-height:1.6}
.lead{font-size:1.125rem}
.hint{color:var(--text-soft);font-size:.875rem;margin:0 0 .5rem}
.button{display:inline-block;min-width:8.5rem;min-height:3rem;padding:.65rem 1.5rem;border-radius:.5rem;border:2px solid var(--key);font:inherit;font-weight:700;text-align:center;text-decoration:none;cursor:pointer;line-height:1.5}
.button.first{background:var(--key);color:#fff}
.button.first:hover{background:var(--key-strong);border-color:var(--key-strong)}
.button.second{background:#fff;color:var(--key)}
.button.second:hover{background:var(--key-soft);color:var(--key-strong)}
.button[disabled]{background:var(--line-soft);border-color:var(--line-soft);color:var(--text-soft);cursor:not-allowed}
.qr{max-width:16rem;margin:1.5rem 0}
.actions{display:flex;flex-wrap:wrap;gap:1rem;margin:2rem 0}
.field{margin:0 0 1.5rem}
.field label,legend{display:block;font-weight:700;margin-bottom:.25rem}
fieldset{border:1px solid var(--line-soft);border-radius:.5rem;padding:1rem 1.25rem;margin:0 0 1.5rem}
input[type=text],input[type=password],input[type=number],input[type=tel],input[type=email],input[type=date],input[type=datetime-local],select,textarea{width:100%;max-width:32rem;min-height:3rem;padding:.6rem 1rem;border:1px solid var(--line);border-radius:.5rem;font:inherit;color:inherit;background:#fff}
input[readonly]{background:var(--ground)}
input[aria-invalid=true]{border:2px solid var(--error)}
input[type=radio],input[type=checkbox]{width:1.5rem;height:1.5rem;margin:0 .5rem 0 0;vertical-align:-.35rem;accent-color:var(--key)}
.field-error{color:var(--error);font-weight:700;margin:0 0 .5rem}
.notice{border:2px solid;border-left-width:.75rem;border-radius:.5rem;padding:1rem 1.25rem;margin:0 0 1.5rem;background:#fff}
.notice-title{font-weight:700;margin:0}
.notice.info{border-color:var(--key)}
.notice.success{border-color:var(--success)}
.notice.warning{border-color:var(--warning)}
.notice.error{border-color:var(--error)}
.pairs{display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;margin:0 0 1.5rem;border-top:1px solid var(--line-soft)}
.pairs dt,.pairs dd{margin:0;padding:.75rem .5rem;border-bottom:1px solid var(--line-soft);overflow-wrap:anywhere}
.pairs dt{font-weight:700}
@media (max-width:36rem){.pairs{grid-template-columns:1fr}.pairs dt{border-bottom:0;padding-bottom:0}}
.drop{border:2px dashed var(--line);border-radius:.5rem;padding:1.5rem;margin:0 0 1.5rem}
.drop input[type=file]{font:inherit;max-width:100%}
details{margin:0 0 1.5rem}
.scroll{overflow-x:auto;margin:0 0 1.5rem}
table{border-collapse:collapse;width:100%}
caption{text-align:left;font-weight:700;padding:.5rem 0}
th,td{min-width:5.5rem;border-bottom:1px solid var(--line-soft);padding:.75rem .75rem;text-align:left;vertical-align:top}
th{background:var(--ground);border-bottom-color:var(--line)}
.cards{list-style:none;padding:0;margin:0 0 1.5rem;display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:1rem}
.cards>li{border:1px solid var(--line-soft);border-radius:.75rem;padding:1.25rem}
.cards>li>:first-child{margin-top:0}
.choice{margin:0 0 .75rem}
.choice label{display:flex;align-items:flex-start;gap:.5rem}
.choice input{flex:none;margin-top:.2rem}
.choice .hint{display:block;margin:0}
.aside{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.number,td code{white-space:nowrap;overflow-wrap:normal}
.amount{font-size:2.25rem;font-weight:700;line-height:1.3}
.pin{letter-spacing:.4em;font-size:1.5rem}
.steps{padding-left:1.5rem}
.steps li{margin-bottom:.75rem}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
`
