-- Pins messages and sends their handles to the workers of consumer.lua.

for request in host.next_request do
  local message = host.pin("message", 0)
  host.write(message, host.worker * 1e9 + request)
  -- From here on it is the consumer's, unless the channel was closed.
  if not host.send(message) then host.unpin(message) end
end

-- If no consumer runs, its messages are left.
for message in host.receive do
  host.unpin(message)
end
