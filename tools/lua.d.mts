/** The source of a module whose default export is the code of a Lua file. */
export function luaModule(source: string): string;
