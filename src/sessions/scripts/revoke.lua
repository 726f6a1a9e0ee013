-- Ends a session, and the other one of the two where a rotation with grace made them two.
-- KEYS[1]  session; beside it lies the index of the user in the record
-- ARGV[1]  hash of the secret, or '' for a caller who named the session by its id
-- ARGV[2]  for a log-in: the version that the claims must still have; '' for any
-- ARGV[3]  '1' to end this one of the two alone, else ''
-- ARGV[4]  '1' to write something in any case, for a WAIT, else ''
-- ARGV[5]  for a log-in: the id of the session that takes this one's place; '' else
-- ARGV[6]  for a log-in: for how many ms the caller may be waiting for a reply
-- Returns  {'none'}, {'secret'}, {'superseded'} (a log-in must not end a session that was rotated meanwhile), {'conflict',
--          record} (another version), or {'ok', user id or '', ended ids …}. While Redis Cluster moves the slot, also
--          {'twin', id} (nothing was done: the other one of the two is not here, and is to be ended first) and
--          {'unlisted', user id, ended ids …} (the index is not here, and still names them)
local id = string.sub(KEYS[1], -26)
local keys = stem(KEYS[1], id)
local sessions = keys .. 's:'
-- What a log-in leaves where the session was, for as long as its reply may get lost: a second run then knows of the first.
local trail = keys .. 'e:' .. id
local record = load(KEYS[1])
if not record then
  local left = ARGV[5] ~= '' and load(trail)
  if left and left.n == ARGV[5] then return { 'ok', '', id } end
  if ARGV[4] == '1' then trace(KEYS[1]) end
  return { 'none' }
end
if ARGV[1] ~= '' and record.h ~= ARGV[1] then return { 'secret' } end
if ARGV[2] ~= '' and record.n then return { 'superseded' } end
if ARGV[2] ~= '' and (record.v or '0') ~= ARGV[2] then return { 'conflict', text(record) } end

local twin = ARGV[3] == '' and (record.n or record.p)
-- Not the other way round: should the reply be lost, the second run would find nothing, and not know of the other one.
if twin and not together(KEYS[1], sessions .. twin) then return { 'twin', twin } end
local ids = { id }
if twin and redis.call('EXISTS', sessions .. twin) == 1 then ids[2] = twin end
local index = record.u and keys .. 'u:' .. record.u
local listed = index and together(KEYS[1], index)
-- The end comes first: Redis judges only the first write of a script when it is out of memory, and allows this one.
if listed then strike(index, sessions, ids) else redis.call('DEL', unpack(keys_of(ids, sessions))) end
-- On a node that the slot is leaving no key can be made: then the log-in goes without.
if ARGV[5] ~= '' and together(trail) then
  redis.call('HSET', trail, 'n', ARGV[5])
  redis.call('PEXPIREAT', trail, digits(clock() + tonumber(ARGV[6])))
end
return { index and not listed and 'unlisted' or 'ok', record.u or '', unpack(ids) }
