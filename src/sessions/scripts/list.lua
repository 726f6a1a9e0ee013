-- Reads one page of a user's live sessions, in no particular order.
-- KEYS[1]  index of the user; beside it lie the sessions
-- ARGV[1]  user id, JSON-escaped
-- ARGV[2]  score, ARGV[3] id: the last member of the page before; both '' for the first page
-- ARGV[4]  most sessions in this page
-- Returns  {'ok', score, id, then an id and the session as text for each}, or {'moving', score, id, ids …} while Redis
--          Cluster moves the slot and the sessions are not all here. `id` is '' after the last page
-- Bound    ARGV[4] sessions, or fewer if they are large (see WORK in index.lua)
local ids, reply = page(KEYS[1], ARGV[2], ARGV[3], tonumber(ARGV[4]))
local keys = keys_of(ids, stem(KEYS[1], ARGV[1]) .. 's:')
if #keys > 0 and not together(KEYS[1], unpack(keys)) then
  return { 'moving', reply[1], reply[2], unpack(ids) }
end
table.insert(reply, 1, 'ok')
local work, done = 0, 0
for at, id in ipairs(ids) do
  if work > WORK then break end
  done = at
  local record, ends, left = open(keys[at])
  if record then
    work = work + cost_of(record)
    reply[#reply + 1] = id
    reply[#reply + 1] = told(record, ends, left)
  end
end
if done < #ids then reply[2], reply[3] = place_of(KEYS[1], ids[done]) end
return reply_of(reply)
