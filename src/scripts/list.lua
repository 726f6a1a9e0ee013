-- Reads one page of a user's live sessions, in no particular order.
-- KEYS[1]  index of the user
-- KEYS[2]  prefix of the sessions, completed with the ids in the index
-- ARGV[1]  score, ARGV[2] id: the last member of the page before; both '' for the first page
-- ARGV[3]  most sessions in this page
-- Returns  {score, id, then an id and its record, joined by newlines, for each session}, where id is '' after the last page
-- Bound    ARGV[3] sessions
local ids, reply = page(KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3]))
for _, id in ipairs(ids) do
  local record = load(KEYS[2] .. id)
  if record then
    reply[#reply + 1] = id
    reply[#reply + 1] = text(record)
  end
end
return reply_of(reply)
