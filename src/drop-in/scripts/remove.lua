-- Ends a session.
-- KEYS[1]  session
-- ARGV[1]  the record that must be there, or '' for any
-- Returns  {'none'} (it was not live), {'conflict', record} (another is there), or {'ok', record}
local stored = redis.call('GET', KEYS[1])
if not stored then return { 'none' } end
if ARGV[1] ~= '' and stored ~= ARGV[1] then return { 'conflict', stored } end
redis.call('DEL', KEYS[1])
return { 'ok', stored }
