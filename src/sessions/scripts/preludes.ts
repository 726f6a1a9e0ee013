/** The preludes of the scripts: for scripts that read records, and for those that also read the index of a user. */
import prelude from "../../redis/prelude.lua";
import index from "./index.lua";
import record from "./record.lua";

export const ofRecord = [prelude, record] as const;
export const ofIndex = [prelude, record, index] as const;
