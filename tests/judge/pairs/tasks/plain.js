const http = require("http");

const NOT_FOUND = { error: "no such task" };

function createServer() {
  const tasks = new Map();
  let nextId = 1;
  return http.createServer((request, response) => {
    const [, root, id] = request.url.split("/");
    if (root !== "tasks") return send(response, 404, NOT_FOUND);
    if (request.method === "GET" && !id) return send(response, 200, [...tasks.values()]);
    if (request.method === "POST" && !id) {
      return read(request, (error, body) => {
        if (error || typeof body.title !== "string" || !body.title.trim()) {
          return send(response, 400, { error: "title must be a text" });
        }
        const task = { id: nextId++, title: body.title.trim(), done: false };
        tasks.set(task.id, task);
        send(response, 201, task);
      });
    }
    const task = tasks.get(Number(id));
    if (!task) return send(response, 404, NOT_FOUND);
    if (request.method === "GET") return send(response, 200, task);
    if (request.method === "DELETE") {
      tasks.delete(task.id);
      return send(response, 204);
    }
    send(response, 405, { error: "no such method" });
  });
}

function send(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body === undefined ? "" : JSON.stringify(body));
}

function read(request, done) {
  let text = "";
  request.on("data", (chunk) => (text += chunk));
  request.on("end", () => {
    try {
      done(null, JSON.parse(text));
    } catch (error) {
      done(error);
    }
  });
}

module.exports = { createServer };
