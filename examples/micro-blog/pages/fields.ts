/** The labelled input of every form, with its hint and what is wrong with it. */
import { type Html, html } from "../html.ts";

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
