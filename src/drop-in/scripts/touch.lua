-- Moves the times with which a record begins, and its expiry, whatever else is in it: never brings a session back. Run
-- again after its reply was lost, it finds its own work and reports it.
-- KEYS[1]  session
-- ARGV[1]  how the record must begin
-- ARGV[2]  how it is to begin
-- ARGV[3]  ms to live
-- Returns  {'ok'}, {'none'} (the session is gone), or {'conflict', record} (it begins otherwise, or is to grow or shrink)
local from, to = ARGV[1], ARGV[2]
local head = redis.call('GETRANGE', KEYS[1], 0, #from - 1)
if head == '' then return { 'none' } end
if #from ~= #to or (head ~= from and head ~= to) then return { 'conflict', redis.call('GET', KEYS[1]) } end
redis.call('SETRANGE', KEYS[1], 0, to)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { 'ok' }
