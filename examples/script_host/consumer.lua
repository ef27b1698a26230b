-- Takes the messages that the workers of producer.lua send.

-- For each producer, the last of its requests that came to this worker.
local last = {}

local function consume(message)
  local value = host.take(message)
  assert(value, "a message was taken twice")
  local producer, request = value // 1e9, value % 1e9
  assert(request > (last[producer] or 0), "a message came out of order")
  last[producer] = request
  assert(not host.contains(message), "a message outlives its end")
end

for _ in host.next_request do
  local message = host.receive()
  if message then consume(message) end
end

-- The channel is closed now. This takes what is left in it.
for message in host.receive do
  consume(message)
end
