/** The shop's one page, without a script: the catalogue, the cart, and forms that post to the same routes as the API. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Shop } from "./app.ts";
import { type Bill, billOf, type Product, productsOf } from "./cart.ts";

/** Text that is HTML already. */
class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | readonly Html[];

/** Puts parts into HTML; everything that is not HTML already is escaped. */
function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(String.raw({ raw: strings }, ...parts.map(textOf)));
}

function textOf(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(textOf).join("");
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export function pageRoute(app: FastifyInstance, { db }: Shop): void {
  app.get("/", async (request, reply) => {
    const [products, bill] = [await productsOf(db), await billOf(request, db)];
    return sendPage(reply, html`${account(request)}${catalogue(products)}${cart(bill)}`);
  });
}

/** Whether a browser's form or link asks, and not a program. */
export function wantsPage(request: FastifyRequest): boolean {
  return request.headers.accept?.includes("text/html") ?? false;
}

/** A page that says what went wrong; where the log-in is too old, with a form to prove once more who one is. */
export function sendErrorPage(reply: FastifyReply, message: string, reauthenticate: boolean): FastifyReply {
  const form = html`<form method="post" action="/re-authenticate">
    <label>Password <input type="password" name="password" autocomplete="current-password" required></label>
    <button>Continue</button>
  </form>`;
  return sendPage(
    reply,
    html`<p role="alert">${message}</p>${reauthenticate ? form : ""}<p><a href="/">Back to the shop</a></p>`,
  );
}

function account({ session: { current } }: FastifyRequest): Html {
  if (current?.userId == null) {
    return html`<form method="post" class="account">
      <label>E-mail <input type="email" name="email" autocomplete="username" required></label>
      <label>Password <input type="password" name="password" autocomplete="current-password" minlength="8" required></label>
      <button formaction="/log-in">Log in</button> <button formaction="/sign-up">Sign up</button>
    </form>`;
  }
  return html`<form method="post" class="account">
    <span>${current.claims.premium ? "Premium: 10 % off everything" : "Logged in"}</span>
    ${current.claims.premium ? "" : html`<button formaction="/premium">Go premium</button>`}
    <button formaction="/log-out">Log out</button>
  </form>`;
}

function catalogue(products: readonly Product[]): Html {
  const items = products.map(
    ({ id, name, cents }) => html`<li><span>${name}</span><span>${money(cents)}</span>
      <form method="post" action="/cart"><button name="product" value="${id}">Add to cart</button></form></li>`,
  );
  return html`<h2>Products</h2><ul>${items}</ul>`;
}

function cart({ lines, cents }: Bill): Html {
  if (lines.length === 0) return html`<h2>Cart</h2><p>Nothing in it yet.</p>`;
  const items = lines.map(
    ({ name, quantity, cents }) =>
      html`<li><span>${quantity} × ${name}</span><span>${money(cents * quantity)}</span></li>`,
  );
  return html`<h2>Cart</h2><ul>${items}<li><strong>Total</strong><strong>${money(cents)}</strong></li></ul>
    <form method="post" action="/checkout"><button>Check out</button></form>`;
}

function money(cents: number): string {
  return `€ ${(cents / 100).toFixed(2)}`;
}

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
  ul { list-style: none; padding: 0; }
  li { display: flex; gap: 1rem; align-items: center; padding: .4rem 0; border-bottom: 1px solid #ddd; }
  li > :first-child { flex: 1; }
  .account { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; }
  .account > span { padding: .3rem 0; }
  label { display: grid; font-size: .85rem; }
  input, button { font: inherit; padding: .3rem .6rem; }
`;

function sendPage(reply: FastifyReply, content: Html): FastifyReply {
  const page = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Shop</title>
<style>${new Html(STYLE)}</style>
<h1>Shop</h1>
${content}
</html>
`;
  return reply
    .type("text/html; charset=utf-8")
    .header("cache-control", "no-store")
    .header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
    .send(page.text);
}
