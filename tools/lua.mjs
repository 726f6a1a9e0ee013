/**
 * A Lua file of src/ as a module: what the build, the tests and `npm run dev` share, so that all run the same text.
 *
 * The comments are for who reads src/. Redis would keep them with every script, and they are more than half of the bytes
 * that a cold start sends and that the package weighs. No script has a string that goes over several lines.
 */
export function luaModule(source) {
  // A space remains where a line was indented: it tells what stands inside of a function (see src/redis/linker.ts).
  const lines = source.split("\n").map((line) => (line.trim() === "" ? "" : line.replace(/^\s+/, " ").trimEnd()));
  const code = lines.filter((line) => line !== "" && !line.trimStart().startsWith("--")).join("\n");
  return `export default ${JSON.stringify(code)};`;
}
