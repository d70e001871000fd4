import assert from "node:assert/strict";
import test from "node:test";
import * as tree from "../src/conversation.js";

function talk() {
  const conversation = tree.createConversation();
  const question = tree.addNode(conversation, null, "user", "What is a burin?\nTell me.");
  const answer = tree.addNode(conversation, question.id, "assistant", "A steel point.", { model: "hearth" });
  return { conversation, question, answer };
}

test("the first question names the conversation", () => {
  assert.equal(talk().conversation.title, "What is a burin?");
});

test("an edit makes a sibling and keeps what was said", () => {
  const { conversation, question, answer } = talk();
  const other = tree.addNode(conversation, question.parent, "user", "What is a graver?");
  assert.deepEqual(tree.pathTo(conversation).map(({ id }) => id), [other.id]);
  assert.equal(tree.siblingsOf(conversation, other).length, 2);
  tree.showBranch(conversation, question);
  assert.equal(conversation.leaf, answer.id);
});

test("messages carry the system prompt and leave out answers that failed before a word", () => {
  const { conversation, answer } = talk();
  answer.content = "";
  const next = tree.addNode(conversation, answer.id, "user", "Again?");
  assert.deepEqual(tree.messagesFor(conversation, next.id, "Be brief."), [
    { role: "system", content: "Be brief." },
    { role: "user", content: "What is a burin?\nTell me." },
    { role: "user", content: "Again?" },
  ]);
});

test("removing a branch shows what is above it", () => {
  const { conversation, question, answer } = talk();
  tree.addNode(conversation, answer.id, "user", "More.");
  tree.removeBranch(conversation, answer);
  assert.equal(conversation.leaf, question.id);
  assert.equal(Object.keys(conversation.nodes).length, 1);
});

test("an export is read back equal", () => {
  const { conversation } = talk();
  assert.deepEqual(tree.importConversations(tree.exportConversations([conversation])), [conversation]);
});

test("an import beside the same conversation gets an id of its own", () => {
  const { conversation } = talk();
  const [copy] = tree.importConversations(tree.exportConversations([conversation]), () => true);
  assert.notEqual(copy.id, conversation.id);
});

const broken = (change) => {
  const data = JSON.parse(tree.exportConversations([talk().conversation]));
  change(data.conversations[0], Object.values(data.conversations[0].nodes), data);
  return () => tree.importConversations(JSON.stringify(data));
};

test("damaged imports are refused with the reason", () => {
  assert.throws(() => tree.importConversations("{"), /not JSON/);
  assert.throws(() => tree.importConversations("{}"), /not an export/);
  assert.throws(broken((_, __, data) => (data.version = 9)), /version 9/);
  assert.throws(broken((conversation) => (conversation.leaf = "nowhere")), /ends at a message that is missing/);
  assert.throws(broken((_, nodes) => (nodes[0].role = "system")), /unknown role/);
  assert.throws(broken((_, nodes) => (nodes[1].parent = "nowhere")), /without its predecessor/);
  assert.throws(broken((_, nodes) => (nodes[0].parent = nodes[1].id)), /circle/);
  assert.throws(broken((_, nodes) => (nodes[0].content = 7)), /damaged message/);
});
