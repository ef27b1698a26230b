// Adds 10 to each counter whose handle arrives. Answers 1, or 0 if the handle is
// refused because the counter was closed. Ends when the number 0 arrives.

'use strict';

function addTen(handle) {
  for (var i = 0; i < 10; ++i) host.add(handle, 1);
}

for (var handle = host.receive(); handle !== 0; handle = host.receive()) {
  var answer = 1;
  try {
    addTen(handle);
  } catch (error) {
    if (!/ is stale: /.test(error.message)) throw error;
    answer = 0;
  }
  host.send(0, answer);
}
