const { createServer: serve } = require("http");

class Tasks {
  constructor() {
    this.byId = new Map();
    this.last = 0;
  }

  list() {
    return [...this.byId.values()];
  }

  add(title) {
    if (typeof title !== "string" || title.trim() === "") {
      throw new Refused(400, "title must be a text");
    }
    const task = { id: ++this.last, title: title.trim(), done: false };
    this.byId.set(task.id, task);
    return task;
  }

  get(id) {
    const task = this.byId.get(id);
    if (!task) throw new Refused(404, "no such task");
    return task;
  }

  remove(id) {
    this.byId.delete(this.get(id).id);
  }
}

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const ROUTES = [
  ["GET", /^\/tasks$/, (tasks) => [200, tasks.list()]],
  ["POST", /^\/tasks$/, (tasks, _, body) => [201, tasks.add(body.title)]],
  ["GET", /^\/tasks\/(\d+)$/, (tasks, id) => [200, tasks.get(id)]],
  ["DELETE", /^\/tasks\/(\d+)$/, (tasks, id) => [204, tasks.remove(id)]],
];

async function answer(tasks, request) {
  for (const [method, pattern, handle] of ROUTES) {
    const match = pattern.exec(request.url);
    if (!match || method !== request.method) continue;
    const body = method === "POST" ? await json(request) : undefined;
    return handle(tasks, Number(match[1]), body);
  }
  throw new Refused(404, "no such route");
}

async function json(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new Refused(400, "body must be JSON");
  }
}

function createServer() {
  const tasks = new Tasks();
  return serve(async (request, response) => {
    let status, body;
    try {
      [status, body] = await answer(tasks, request);
    } catch (error) {
      [status, body] = [error.status ?? 500, { error: error.message }];
    }
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body === undefined ? "" : JSON.stringify(body));
  });
}

module.exports = { createServer };
