/** A Lua script, imported as its text: by tsup's `text` loader in the package, by a plugin of `vitest.config.ts` in the tests. */
declare module "*.lua" {
  const source: string;
  export default source;
}
