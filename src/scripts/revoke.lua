-- Ends a session, and the other one of the two where a rotation with grace made them two.
-- KEYS[1]  session
-- KEYS[2]  prefix of the indexes, completed with the user id in the record
-- ARGV[1]  hash of the secret, or '' for a caller who named the session by its id
-- ARGV[2]  for a log-in: the version that the claims must still have; '' for any
-- Returns  {'none'}, {'secret'}, {'superseded'} (a log-in must not end a session that was rotated meanwhile), {'conflict',
--          record} (another version), or {'ok', user id or '', ended ids …}
local sessions = string.sub(KEYS[1], 1, -27)
local record = load(KEYS[1])
if not record then return { 'none' } end
if ARGV[1] ~= '' and record.h ~= ARGV[1] then return { 'secret' } end
if ARGV[2] ~= '' and record.n then return { 'superseded' } end
if ARGV[2] ~= '' and (record.v or '0') ~= ARGV[2] then return { 'conflict', text(record) } end

local ids = { string.sub(KEYS[1], -26) }
local twin = record.n or record.p
if twin and redis.call('EXISTS', sessions .. twin) == 1 then ids[2] = twin end
if record.u then
  strike(KEYS[2] .. record.u, sessions, ids)
else
  for _, id in ipairs(ids) do redis.call('DEL', sessions .. id) end
end
return { 'ok', record.u or '', unpack(ids) }
