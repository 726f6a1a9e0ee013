/** The labelled input of every form, with its hint and what is wrong with it. */
import { type Html, html } from "../html.ts";
import { MAX_PASSWORD, MIN_PASSWORD } from "../users.ts";

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly type?: "text" | "email" | "password";
  readonly autocomplete: string;
  readonly value?: string;
  readonly hint?: string;
  readonly problem?: string | undefined;
  readonly minlength?: number;
  readonly maxlength: number;
}

export function input(field: Field): Html {
  const { name, label, type = "text", autocomplete, value = "", hint, problem, minlength, maxlength } = field;
  // What is wrong says all that the hint does.
  const described = problem !== undefined ? `${name}-problem` : hint !== undefined && `${name}-hint`;
  return html`<div class="field">
          <label for="${name}">${label}</label>
          <input id="${name}" name="${name}" type="${type}" value="${value}" autocomplete="${autocomplete}" required
            maxlength="${maxlength}"${minlength !== undefined && html` minlength="${minlength}"`}
            ${type === "text" && html`autocapitalize="none" spellcheck="false"`}
            ${described && html`aria-describedby="${described}"`}
            ${problem !== undefined && html`aria-invalid="true"`}>
          ${hint !== undefined && problem === undefined && html`<p class="hint" id="${name}-hint">${hint}</p>`}
          ${problem !== undefined && html`<p class="problem" id="${name}-problem">${problem}</p>`}
        </div>`;
}

/** What is wrong with the whole form. */
export function alert(problem: string | undefined): Html | undefined {
  return problem === undefined ? undefined : html`<p class="alert" role="alert">${problem}</p>`;
}

/** The input of a password to be. */
export function newPassword(label: string, problem: string | undefined): Html {
  return input({
    ...{ name: "password", label, type: "password", autocomplete: "new-password", problem },
    ...{ minlength: MIN_PASSWORD, maxlength: MAX_PASSWORD, hint: `At least ${MIN_PASSWORD} characters.` },
  });
}

/** What is wrong with a new password; `undefined` for nothing. */
export function passwordProblem(password: string, name: string): string | undefined {
  const length = [...password].length;
  if (length < MIN_PASSWORD) return `At least ${MIN_PASSWORD} characters, please.`;
  if (length > MAX_PASSWORD) return `At most ${MAX_PASSWORD} characters, please.`;
  if (password.toLowerCase() === name.repeat(Math.ceil(length / Math.max(name.length, 1)))) return "That is your name.";
  return undefined;
}
