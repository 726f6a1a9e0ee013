/** A chart before it is drawn: what it shows, and its description in Vega-Lite for any width. It knows no figures and no SVG. */

/** Widths in px, without margins. */
export const WIDE = 680;
export const NARROW = 350;

/** The description in Vega-Lite of a chart so wide. */
export type Spec = (width: number) => object;

export interface Plan {
  readonly id: string;
  readonly scenario: string;
  readonly title: string;
  /** What a reader should see, for those who cannot see it, too. */
  readonly caption: string;
  readonly spec: Spec;
}
