import { defineHandler, html } from "nitro/h3";

export default defineHandler(() => html`<form method=post><input name=user autofocus><button>Log in</button></form>`);
