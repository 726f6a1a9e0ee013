-- Changes claims of one page of a user's sessions.
-- KEYS[1]  index of the user; beside it lie the sessions
-- ARGV[1]  user id, JSON-escaped
-- ARGV[2]  score, ARGV[3] id: the last member of the page before; both '' for the first page
-- ARGV[4]  most sessions in this page
-- ARGV[5]  most bytes that all claims of one session may take
-- ARGV[6…] pairs of field and value; '' removes the field
-- Returns  {'size', bytes} or {'corrupt', id} (nothing of this page was written), {'ok', score, id, changed ids …}, or
--          {'moving', score, id, ids …} (nothing was written: Redis Cluster is moving the slot, and these sessions are not
--          all here). `id` is '' after the last page
-- Bound    ARGV[4] sessions
local ids, reply = page(KEYS[1], ARGV[2], ARGV[3], tonumber(ARGV[4]))
local sessions = stem(KEYS[1], ARGV[1]) .. 's:'
if #ids > 0 and not together(KEYS[1], unpack(keys_of(ids, sessions))) then
  return { 'moving', reply[1], reply[2], unpack(ids) }
end
table.insert(reply, 1, 'ok')
local set, removed
for _, id in ipairs(ids) do
  local record, ends, left = open(sessions .. id)
  -- Only what lives is changed: HSET on a key that is gone would bring it back.
  if record then
    if not times(record, ends, left) then return { 'corrupt', id } end
    local excess
    set, removed, excess = patched(record, 6, tonumber(ARGV[5]))
    if excess then return { 'size', excess } end
    reply[#reply + 1] = id
  end
end
for i = 4, #reply do
  local key = sessions .. reply[i]
  if #removed > 0 then call_many('HDEL', key, removed) end
  if #set > 0 then call_many('HSET', key, set) end
  redis.call('HINCRBY', key, 'v', 1)
end
return reply_of(reply)
