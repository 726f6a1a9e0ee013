-- Reads a session. The hottest script, so it stands without the prelude and does nothing that it need not.
-- KEYS[1]  session
-- ARGV[1]  hash of the secret, or '' for a caller who named the session by its id
-- Returns  'none', 'secret' (it does not match), 'corrupt', or the record, joined by newlines, its hash blanked
local record = redis.call('HGETALL', KEYS[1])
local size = #record
if size == 0 then return 'none' end
for i = 1, size, 2 do
  if record[i] == 'h' then
    -- Lua interns its strings, so == compares two pointers: constant time.
    if ARGV[1] ~= '' and record[i + 1] ~= ARGV[1] then return 'secret' end
    record[i + 1] = ''
    return table.concat(record, '\n')
  end
end
return 'corrupt'
