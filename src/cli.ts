#!/usr/bin/env node
/** `npx coatcheck`: the command line for operators. See docs/cli.md. */
export { done } from "./cli/main.js";
