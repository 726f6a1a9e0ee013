-- Changes claims of one session. During the grace of a rotation a session and its successor change together, and the claims of
-- the successor count.
-- KEYS[1]  session
-- ARGV[1]  hash of the secret, or '' for a caller who named the session by its id
-- ARGV[2]  the version that the claims must still have, or '' for any
-- ARGV[3]  most bytes that all claims may take
-- ARGV[4]  mark of this call, ARGV[5] for how many ms to keep it
-- ARGV[6…] pairs of field and value; '' removes the field
-- Returns  {'none'}, {'secret'}, {'corrupt'}, {'size', bytes} or {'many', claims}, {'conflict', id, session as text} (another
--          version), {'ok', id, session as text}, {'gone', user id or ''} (this is the second run; the first has changed the
--          claims, and there is no such session any more), {'moving'} (nothing was done: Redis Cluster is moving the slot, and
--          the partner of this session is not here), or {'unmarked', version} (nothing was done: it is moving the slot, so no
--          mark can be kept, and only a change of a version that is known may run twice)
local sessions = string.sub(KEYS[1], 1, -27)
local mark = stem(KEYS[1], string.sub(KEYS[1], -26)) .. 'm:' .. ARGV[4]
local before, markable = remembered(mark)
local record, ends, left = open(KEYS[1])
local refused = session_refusal(record, ARGV[1], ends, left)
if refused == 'none' and before then return { 'gone', before[1] } end
if refused then return { refused } end

local partner = partner_of(record)
-- While the slot is moving, the partner may be on the other node, and would seem absent.
if partner and not together(KEYS[1], sessions .. partner) then return { 'moving' } end
local key, predecessor = KEYS[1], record.p and sessions .. record.p
if record.n then
  key, predecessor = sessions .. record.n, KEYS[1]
  record, ends, left = open(key)
  refused = session_refusal(record, '', ends, left)
  if refused == 'none' and before then return { 'gone', before[1] } end
  if refused then return { refused } end
end
if before then return { 'ok', string.sub(key, -26), told(record, ends, left) } end
local version = record.v or '0'
if ARGV[2] == '' and not markable then return { 'unmarked', version } end
if ARGV[2] ~= '' and version ~= ARGV[2] then return { 'conflict', string.sub(key, -26), told(record, ends, left) } end

local set, removed, excess = patched(record, 6, tonumber(ARGV[3]))
if excess then return excess end
local function write(to)
  if #removed > 0 then call_many('HDEL', to, removed) end
  if #set > 0 then call_many('HSET', to, set) end
end
if #set > 0 or #removed > 0 then
  local changed = { string.sub(key, -26) }
  if predecessor and redis.call('EXISTS', predecessor) == 1 then
    write(predecessor)
    changed[2] = string.sub(predecessor, -26)
  end
  record.v = digits(version + 1)
  set[#set + 1], set[#set + 2] = 'v', record.v
  write(key)
  tell(string.sub(sessions, 1, -3), '~', changed)
  remember(mark, ARGV[5], { record.u or '' })
end
return { 'ok', string.sub(key, -26), told(record, ends, left) }
