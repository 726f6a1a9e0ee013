-- Reads a session. Only touch.lua runs more often, so this script has no prelude, and does only what it must.
-- KEYS[1]  session
-- ARGV[1]  hash of the secret, or '' for a caller who named the session by its id
-- ARGV[2]  '1' to look for the ending of a session that is gone (see record.lua), else ''
-- Returns  'none', 'secret' (it does not match), 'corrupt', 'ended …' (its ending: the letter of the reason, the instant, epoch
--          ms, and the note, after a space each), or the session as text: its end, the ms it has left, and the
--          fields and values of its record but the hash, joined by newlines
local record = redis.call('HGETALL', KEYS[1])
-- A new record begins with its hash, and a small one keeps its order. The end and the ms left replace these two.
if record[1] ~= 'h' then
  if #record == 0 then
    local keys, id = string.sub(KEYS[1], 1, -29), string.sub(KEYS[1], -26)
    for place = 1, ARGV[2] == '1' and 2 or 0 do
      local ending = redis.pcall('GET', keys .. (place == 1 and 'x:' or 'y:') .. id)
      -- Only its bearer is told.
      if type(ending) == 'string' and string.sub(ending, 1, 43) == ARGV[1] then
        return 'ended ' .. string.sub(ending, 45)
      end
    end
    return 'none'
  end
  local at
  for i = 3, #record, 2 do
    if record[i] == 'h' then at = i end
  end
  if not at then return 'corrupt' end
  record[at], record[at + 1], record[1], record[2] = record[1], record[2], 'h', record[at + 1]
end
-- Lua interns its strings, so == compares two pointers: constant time.
if ARGV[1] ~= '' and record[2] ~= ARGV[1] then return 'secret' end
record[1] = redis.call('PEXPIRETIME', KEYS[1])
record[2] = redis.call('PTTL', KEYS[1])
return table.concat(record, '\n')
