/**
 * The TypeScript compiler inside this process. It reads each file once, however many programs have it, and judges only the
 * files in question: `npm run typecheck` judges what they import.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Where sources that lie in no file seem to lie. Inside the project, so that they find the packages that they import. */
const folder = join(root, "snippets");

/** Files as the compiler reads them, by path and by the options that they were read for. */
const read = new Map<string, ts.SourceFile | undefined>();

/** Type-checks sources, by name, with the project's own settings. Gives the complaints of the compiler, and "" for none. */
export function typeCheck(sources: ReadonlyMap<string, string>): string {
  const { options } = configAt(join(root, "tsconfig.json"));
  const own = new Map([...sources].map(([name, text]) => [join(folder, name), text]));
  const program = ts.createProgram([...own.keys(), join(root, "src/lua.d.ts")], options, hostOf(options, own));
  return complaintsOf(program, (path) => own.has(path));
}

/** Type-checks the files of a `tsconfig.json`. Gives the complaints of the compiler, and "" for none. */
export function typeCheckProject(config: string): string {
  const { options, fileNames } = configAt(config);
  const program = ts.createProgram(fileNames, options, hostOf(options, new Map()));
  return complaintsOf(program, (path) => fileNames.includes(path));
}

function configAt(path: string): ts.ParsedCommandLine {
  const fail = ({ messageText }: ts.Diagnostic) => {
    throw new Error(`${path}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`);
  };
  const config = ts.getParsedCommandLineOfConfigFile(path, undefined, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: fail,
  });
  if (config === undefined) throw new Error(`${path} cannot be read.`);
  config.errors.forEach(fail);
  return config;
}

function hostOf(options: ts.CompilerOptions, own: ReadonlyMap<string, string>): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  return {
    ...host,
    getCurrentDirectory: () => folder,
    fileExists: (path) => own.has(path) || host.fileExists(path),
    readFile: (path) => own.get(path) ?? host.readFile(path),
    getSourceFile(path, version, onError) {
      const text = own.get(path);
      if (text !== undefined) return ts.createSourceFile(path, text, version);
      const key = JSON.stringify([path, version]);
      if (!read.has(key)) read.set(key, host.getSourceFile(path, version, onError));
      return read.get(key);
    },
  };
}

function complaintsOf(program: ts.Program, isJudged: (path: string) => boolean): string {
  const judged = program.getSourceFiles().filter(({ fileName }) => isJudged(fileName));
  const complaints = [
    ...program.getConfigFileParsingDiagnostics(),
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...judged.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ];
  return ts.formatDiagnostics(complaints, {
    getCurrentDirectory: () => folder,
    getCanonicalFileName: (path) => path,
    getNewLine: () => "\n",
  });
}
