-- Changes claims of one page of a user's sessions.
-- KEYS[1]  index of the user; beside it lie the sessions
-- ARGV[1]  user id, JSON-escaped
-- ARGV[2]  score, ARGV[3] id: the last member of the page before; both '' for the first page
-- ARGV[4]  most sessions in this page
-- ARGV[5]  most bytes that all claims of one session may take
-- ARGV[6]  mark of the list of sessions that the user gains from now on, random: of use on the first page of several
-- ARGV[7]  mark of this call, ARGV[8] for how many ms to keep it
-- ARGV[9…] pairs of field and value; '' removes the field
-- Returns  {'size', bytes}, {'many', claims} or {'corrupt', id} (nothing of this page was written), {'ok', score, id, mark and
--          size of that list or '' and 0, changed ids …}, or {'moving', score, id, ids …} (nothing was written: Redis Cluster
--          is moving the slot, and these sessions are not all here). `id` is '' after the last page
-- Bound    ARGV[4] sessions, or fewer if they are large (see WORK in index.lua)
local keys = stem(KEYS[1], ARGV[1])
local own = keys .. 'm:' .. ARGV[7]
-- A second run must not undo what others have changed since.
local before = remembered(own)
if before then return before end
local ids, reply = page(KEYS[1], ARGV[2], ARGV[3], tonumber(ARGV[4]))
local sessions = keys .. 's:'
if #ids > 0 and not together(KEYS[1], own, unpack(keys_of(ids, sessions))) then
  return { 'moving', reply[1], reply[2], unpack(ids) }
end
table.insert(reply, 1, 'ok')
local excess, done = patch_page(sessions, ids, reply, 9, tonumber(ARGV[5]))
if excess then return excess end
if done < #ids then reply[2], reply[3] = place_of(KEYS[1], ids[done]) end
local mark, size = '', 0
-- In the same step as the first page, so that no session is missed in between.
if ARGV[3] == '' and reply[3] ~= '' then mark, size = open_arrivals(arrivals_of(KEYS[1], sessions), ARGV[6]) end
table.insert(reply, 4, mark)
table.insert(reply, 5, size)
if #reply > 5 then remember(own, ARGV[8], reply) end
return reply_of(reply)
