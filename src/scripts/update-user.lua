-- Changes claims of one page of a user's sessions.
-- KEYS[1]  index of the user
-- KEYS[2]  prefix of the sessions, completed with the ids in the index
-- ARGV[1]  score, ARGV[2] id: the last member of the page before; both '' for the first page
-- ARGV[3]  most sessions in this page
-- ARGV[4]  most bytes that all claims of one session may take
-- ARGV[5…] pairs of field and value; '' removes the field
-- Returns  {'size', bytes} (nothing of this page was written), or {score, id, changed ids …}, where id is '' after the
--          last page
-- Bound    ARGV[3] sessions
local ids, reply = page(KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]))
local set, removed
for _, id in ipairs(ids) do
  local record = load(KEYS[2] .. id)
  -- Only what lives is changed: HSET on a key that is gone would bring it back.
  if record then
    local excess
    set, removed, excess = patched(record, 5, tonumber(ARGV[4]))
    if excess then return { 'size', excess } end
    reply[#reply + 1] = id
  end
end
for i = 3, #reply do
  local key = KEYS[2] .. reply[i]
  if #removed > 0 then call_many('HDEL', key, removed) end
  if #set > 0 then call_many('HSET', key, set) end
  redis.call('HINCRBY', key, 'v', 1)
end
return reply_of(reply)
