/** The preludes of the scripts: what a script stands on that reads records, and one that reads the index of a user, too. */
import prelude from "../../redis/prelude.lua";
import index from "./index.lua";
import record from "./record.lua";

export const ofRecord = [prelude, record] as const;
export const ofIndex = [prelude, record, index] as const;
