-- Ends those sessions in one page of a user's index that were created up to an instant: the part of revokeAll for one user.
-- KEYS[1]  index of the user; beside it lie the sessions
-- ARGV[1]  user id, JSON-escaped
-- ARGV[2]  the instant, epoch ms
-- ARGV[3]  score, ARGV[4] id: the last member of the page before; both '' for the first page
-- ARGV[5]  most sessions in this page
-- ARGV[6]  mark of this call, ARGV[7] for how many ms to keep it
-- ARGV[8]  letter of the reason (see feed.ts), ARGV[9] note, JSON-escaped, or ''
-- ARGV[10] for how many ms each session leaves its ending (see record.lua); 0 for none
-- Returns  {'ok', score, id, ended ids …}, or {'moving', score, id, ids …} (nothing was done: Redis Cluster is moving the slot,
--          and these sessions are not all here). `id` is '' after the last page
-- Bound    ARGV[5] sessions
local keys = stem(KEYS[1], ARGV[1])
local sessions, mark = keys .. 's:', keys .. 'm:' .. ARGV[6]
local before = remembered(mark)
if before then return before end
local ids, reply = page(KEYS[1], ARGV[3], ARGV[4], tonumber(ARGV[5]))
if #ids > 0 and not together(KEYS[1], mark, unpack(keys_of(ids, sessions))) then
  return { 'moving', reply[1], reply[2], unpack(ids) }
end
table.insert(reply, 1, 'ok')
local old, live, now = {}, {}, clock()
for _, id in ipairs(ids) do
  if is_from(sessions .. id, tonumber(ARGV[2])) then
    old[#old + 1] = id
    if lives(sessions .. id, now) then
      live[#live + 1] = id
      reply[#reply + 1] = id
    end
  end
end
if #old == 0 then return reply_of(reply) end
local why = cause(ARGV[8], ARGV[9], ARGV[10])
local hashes = hashes_of(sessions, live, why)
strike(KEYS[1], sessions, old)
tell(keys, why.letter, live)
leave_endings(keys, live, why, hashes)
return remember(mark, ARGV[7], reply_of(reply))
