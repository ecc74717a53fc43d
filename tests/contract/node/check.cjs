// Logs in, queries, creates, updates, upserts, pages and deletes with jsforce; prints what came of it as one line of JSON.
const [, , baseUrl, clientId, clientSecret] = process.argv;
const jsforce = require("jsforce");

async function main() {
  const conn = new jsforce.Connection({
    instanceUrl: baseUrl,
    version: "66.0",
    oauth2: { loginUrl: baseUrl, clientId, clientSecret },
  });
  await conn.authorize({ grant_type: "client_credentials" });
  const identity = await conn.identity().catch(() => null);

  const lead = conn.sobject("Lead");
  const made = await lead.create({ LastName: "山田", Company: "株式会社サンプル", Email: "yamada@sample.example" });
  const several = await lead.create(
    Array.from({ length: 450 }, (_, n) => ({ LastName: `人${n}`, Company: "株式会社多数", Email: `p${n}@many.example` })),
    { allowRecursive: true },
  );
  const updated = await lead.update({ Id: made.id, Title: "部長" });
  const [found] = await lead.find({ Email: "yamada@sample.example" }, ["Id", "Title", "Owner.Name"]);
  const retrieved = await lead.retrieve(made.id);

  const paged = [];
  let page = await conn.query("SELECT Id, Email FROM Lead WHERE Company = '株式会社多数' ORDER BY Id", {
    autoFetch: false,
    headers: { "Sforce-Query-Options": "batchSize=200" },
  });
  const pages = [page.records.length];
  paged.push(...page.records);
  while (!page.done) {
    page = await conn.queryMore(page.nextRecordsUrl);
    pages.push(page.records.length);
    paged.push(...page.records);
  }

  const refused = await lead.create({ LastName: "名", Company: "社", Email: "no address" }).catch((error) => ({
    name: error.name,
    errorCode: error.errorCode,
  }));
  const described = await lead.describe();
  const bulk = await conn.bulk2.loadAndWaitForResults({
    object: "Lead",
    operation: "update",
    input: paged.slice(0, 3).map((one) => ({ Id: one.Id, Title: "課長" })),
    pollInterval: 10,
    pollTimeout: 5000,
  });
  const deleted = await lead.destroy(several.slice(0, 2).map((one) => one.id));
  const all = await conn.query("SELECT COUNT() FROM Lead", { scanAll: true });

  console.log(
    JSON.stringify({
      identity: identity && identity.user_id,
      made,
      several: several.filter((one) => one.success).length,
      updated: updated.success,
      found: { title: found.Title, owner: found.Owner && found.Owner.Name },
      retrieved: retrieved.LastName,
      pages,
      distinct: new Set(paged.map((one) => one.Id)).size,
      refused,
      fields: described.fields.length,
      bulk: { good: bulk.successfulResults.length, bad: bulk.failedResults.length },
      deleted: deleted.every((one) => one.success),
      all: all.totalSize,
      usage: conn.limitInfo && conn.limitInfo.apiUsage,
    }),
  );
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
