import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Kafka's own client, kept running: what the tests ask of a broker would else be a JVM each time.
 *
 * <p>A request is a line of JSON on standard input, {"id", "do", ..}; its answer a line on standard output, {"id", "answer"} or {"id",
 * "error"}. Requests are worked on side by side. It ends with its input. client.py says what can be asked.
 */
public class Client {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** A broker may be away meanwhile. */
    private static final Duration MARKERS_WAIT = Duration.ofSeconds(60);
    private static final long LOOK_MS = 20;
    private final String bootstrap;
    private final Admin admin;
    private final KafkaProducer<byte[], byte[]> producer;

    private Client(String bootstrap) {
        this.bootstrap = bootstrap;
        Map<String, Object> reach = Map.of("bootstrap.servers", bootstrap, "reconnect.backoff.max.ms", "500");
        admin = Admin.create(reach);
        var settings = new HashMap<>(reach);
        settings.putAll(Map.of("linger.ms", "2", "batch.size", "262144", "delivery.timeout.ms", "120000"));
        // Of several requests to a topic that was just made, the broker may refuse the first and take the second: the first is then out of
        // order for ever.
        settings.put("max.in.flight.requests.per.connection", "1");
        producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    public static void main(String[] args) throws Exception {
        var client = new Client(args[0]);
        var workers = Executors.newCachedThreadPool();
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            JsonNode request = JSON.readTree(line);
            workers.submit(() -> client.reply(request));
        }
        System.exit(0);
    }

    private void reply(JsonNode request) {
        ObjectNode reply = JSON.createObjectNode().put("id", request.get("id").asLong());
        try {
            reply.set("answer", answer(request));
        } catch (Throwable why) {
            reply.put("error", (why instanceof ExecutionException ? why.getCause() : why).toString());
        }
        synchronized (System.out) {
            System.out.println(reply);
            System.out.flush();
        }
    }

    private JsonNode answer(JsonNode request) throws Exception {
        return switch (request.get("do").asText()) {
            case "topics" -> JSON.valueToTree(admin.listTopics().names().get());
            case "create" -> create(request.get("topics"));
            case "delete" -> delete(request.get("topics"));
            case "delete-records" -> deleteRecords(new TopicPartition(request.get("topic").asText(), request.get("partition").asInt()), request.get("before").asLong());
            case "config" -> config(request.get("topic").asText());
            case "alter" -> alter(request.get("topic").asText(), request.get("config"));
            case "whole" -> JSON.valueToTree(isWhole());
            case "leads" -> JSON.valueToTree(leads(request.get("node").asInt()));
            case "bounds" -> bounds(request.get("topics"));
            case "committed" -> committed(request.get("group").asText());
            case "group" -> group(request.get("group").asText());
            case "members" -> members(request.get("group").asText());
            case "produce" -> produce(request.get("topic").asText(), request.get("records"));
            case "produce-lines" -> produceLines(request.get("topic").asText(), Path.of(request.get("file").asText()));
            case "read" -> read(request.get("topic").asText(), Path.of(request.get("file").asText()));
            default -> throw new IllegalArgumentException("nothing is known to do: " + request);
        };
    }

    /** [{"name", "partitions", "config": {..}}]; back when the broker's metadata has them. */
    private JsonNode create(JsonNode wanted) throws Exception {
        var topics = new ArrayList<NewTopic>();
        for (JsonNode topic : wanted) {
            Map<String, String> config = new HashMap<>();
            topic.get("config").fields().forEachRemaining(setting -> config.put(setting.getKey(), setting.getValue().asText()));
            topics.add(new NewTopic(topic.get("name").asText(), Optional.of(topic.get("partitions").asInt()), Optional.empty()).configs(config));
        }
        admin.createTopics(topics).all().get();
        return JSON.getNodeFactory().numberNode(topics.size());
    }

    /** Whether each partition has a leader, and all its copies are in step. */
    private boolean isWhole() throws Exception {
        return allPartitions().allMatch(partition -> partition.leader() != null && partition.isr().size() == partition.replicas().size());
    }

    /** Whether any partition is the broker's to lead, as the others know it. */
    private boolean leads(int node) throws Exception {
        return allPartitions().anyMatch(partition -> partition.leader() != null && partition.leader().id() == node);
    }

    private Stream<TopicPartitionInfo> allPartitions() throws Exception {
        var names = admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get();
        return admin.describeTopics(names).allTopicNames().get().values().stream().flatMap(topic -> topic.partitions().stream());
    }

    /** [topic] */
    private JsonNode delete(JsonNode unwanted) throws Exception {
        var names = new ArrayList<String>();
        unwanted.forEach(name -> names.add(name.asText()));
        admin.deleteTopics(names).all().get();
        return JSON.getNodeFactory().numberNode(names.size());
    }

    private JsonNode deleteRecords(TopicPartition at, long before) throws Exception {
        admin.deleteRecords(Map.of(at, RecordsToDelete.beforeOffset(before))).all().get();
        return JSON.getNodeFactory().numberNode(before);
    }

    private JsonNode config(String topic) throws Exception {
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        ObjectNode config = JSON.createObjectNode();
        var entries = admin.describeConfigs(List.of(resource)).all().get().get(resource).entries();
        entries.forEach(entry -> config.put(entry.name(), entry.value()));
        return config;
    }

    /** {setting: text} */
    private JsonNode alter(String topic, JsonNode settings) throws Exception {
        var changes = new ArrayList<AlterConfigOp>();
        settings.fields().forEachRemaining(setting ->
            changes.add(new AlterConfigOp(new ConfigEntry(setting.getKey(), setting.getValue().asText()), AlterConfigOp.OpType.SET)));
        Map<ConfigResource, Collection<AlterConfigOp>> change = Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), changes);
        admin.incrementalAlterConfigs(change).all().get();
        return JSON.getNodeFactory().numberNode(changes.size());
    }

    private List<TopicPartition> partitions(Iterable<String> topics) throws Exception {
        var names = new ArrayList<String>();
        topics.forEach(names::add);
        var partitions = new ArrayList<TopicPartition>();
        admin.describeTopics(names).allTopicNames().get().forEach((name, topic) ->
            topic.partitions().forEach(partition -> partitions.add(new TopicPartition(name, partition.partition()))));
        return partitions;
    }

    /** [[topic, partition, first offset, end]] */
    private JsonNode bounds(JsonNode topics) throws Exception {
        var names = new ArrayList<String>();
        topics.forEach(topic -> names.add(topic.asText()));
        var partitions = partitions(names);
        var firsts = new HashMap<TopicPartition, OffsetSpec>();
        var ends = new HashMap<TopicPartition, OffsetSpec>();
        partitions.forEach(partition -> {
            firsts.put(partition, OffsetSpec.earliest());
            ends.put(partition, OffsetSpec.latest());
        });
        var first = admin.listOffsets(firsts).all().get();
        var end = admin.listOffsets(ends).all().get();
        ArrayNode rows = JSON.createArrayNode();
        partitions.forEach(p -> rows.addArray().add(p.topic()).add(p.partition()).add(first.get(p).offset()).add(end.get(p).offset()));
        return rows;
    }

    /** [[topic, partition, offset]]; nothing for a group that is not there. */
    private JsonNode committed(String group) throws Exception {
        ArrayNode rows = JSON.createArrayNode();
        try {
            admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().forEach((p, offset) -> {
                if (offset != null) rows.addArray().add(p.topic()).add(p.partition()).add(offset.offset());
            });
        } catch (ExecutionException why) {
            if (!(why.getCause() instanceof GroupIdNotFoundException)) throw why;
        }
        return rows;
    }

    /** {"state", "members": {group.instance.id or member id: [[topic, partition]]}} */
    private JsonNode group(String group) throws Exception {
        ObjectNode found = JSON.createObjectNode().put("state", "Dead");
        ObjectNode members = found.putObject("members");
        try {
            var described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
            found.put("state", described.groupState().toString());
            described.members().forEach(member -> {
                ArrayNode has = members.putArray(member.groupInstanceId().orElse(member.consumerId()));
                member.assignment().topicPartitions().forEach(p -> has.addArray().add(p.topic()).add(p.partition()));
            });
        } catch (ExecutionException why) {
            if (!(why.getCause() instanceof GroupIdNotFoundException)) throw why;
        }
        return found;
    }

    /** [{"client", "instance"?}] */
    private JsonNode members(String group) throws Exception {
        ArrayNode rows = JSON.createArrayNode();
        var described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
        described.members().forEach(member -> {
            ObjectNode row = rows.addObject().put("client", member.clientId());
            member.groupInstanceId().ifPresent(instance -> row.put("instance", instance));
        });
        return rows;
    }

    /** [{"partition"?, "timestamp"?, "key"?, "value"}]; back when all are acknowledged. */
    private JsonNode produce(String topic, JsonNode records) throws Exception {
        var sent = new ArrayList<Future<?>>();
        for (JsonNode record : records) {
            Integer partition = record.hasNonNull("partition") ? record.get("partition").asInt() : null;
            Long timestamp = record.hasNonNull("timestamp") ? record.get("timestamp").asLong() : null;
            byte[] key = record.hasNonNull("key") ? bytes(record.get("key").asText()) : null;
            byte[] value = record.hasNonNull("value") ? bytes(record.get("value").asText()) : null;
            sent.add(producer.send(new ProducerRecord<>(topic, partition, timestamp, key, value)));
        }
        for (Future<?> one : sent) one.get();
        return JSON.getNodeFactory().numberNode(sent.size());
    }

    /** Each line of the file becomes a value, partition by partition in turn. Answers how many. */
    private JsonNode produceLines(String topic, Path file) throws Exception {
        int partitions = partitions(List.of(topic)).size();
        var failure = new AtomicReference<Exception>();
        long count = 0;
        try (var lines = Files.newBufferedReader(file)) {
            for (String line; (line = lines.readLine()) != null; count++) {
                var record = new ProducerRecord<byte[], byte[]>(topic, (int) (count % partitions), null, bytes(line));
                producer.send(record, (at, why) -> {
                    if (why != null) failure.set(why);
                });
            }
        }
        producer.flush();
        if (failure.get() != null) throw failure.get();
        return JSON.getNodeFactory().numberNode(count);
    }

    /**
     * Waits until each transaction that is decided has its markers in all its partitions. They are not written at once: a group's offsets may
     * be committed while a topic of the same transaction still seems to end before it.
     */
    private void awaitMarkers() throws Exception {
        long end = System.nanoTime() + MARKERS_WAIT.toNanos();
        Set<String> left = null;
        do {
            if (System.nanoTime() > end) throw new IllegalStateException("decided, and without markers for " + MARKERS_WAIT + ": " + left);
            var decided = decided();
            if (decided.isEmpty()) continue;
            if (left == null) left = decided.get();
            else left.retainAll(decided.get());
        } while (left == null || !left.isEmpty());
    }

    /** The ids of the transactions whose markers are on their way; empty while brokers come and go. */
    private Optional<Set<String>> decided() throws Exception {
        var deciding = new ListTransactionsOptions().filterStates(List.of(TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT));
        try {
            var found = new HashSet<String>();
            admin.listTransactions(deciding).all().get().forEach(transaction -> found.add(transaction.transactionalId()));
            return Optional.of(found);
        } catch (ExecutionException why) {
            // The client takes the question to a broker that has gone for a mistake of its own: "Unexpected key set".
            if (!(why.getCause() instanceof RetriableException || why.getCause() instanceof IllegalArgumentException)) throw why;
            Thread.sleep(LOOK_MS);
            return Optional.empty();
        }
    }

    /** Writes what is committed of a topic to a file, a line each: {"partition", "offset", "timestamp", "key", "value"}. Answers how many. */
    private JsonNode read(String topic, Path file) throws Exception {
        awaitMarkers();
        Map<String, Object> reach = Map.of("bootstrap.servers", bootstrap, "isolation.level", "read_committed");
        long count = 0;
        try (var consumer = new KafkaConsumer<>(reach, new ByteArrayDeserializer(), new ByteArrayDeserializer());
             var out = new PrintWriter(Files.newBufferedWriter(file))) {
            var partitions = partitions(List.of(topic));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            var ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                for (var record : consumer.poll(Duration.ofMillis(200))) {
                    if (record.offset() >= ends.get(new TopicPartition(topic, record.partition()))) continue;
                    ObjectNode line = JSON.createObjectNode().put("partition", record.partition()).put("offset", record.offset());
                    line.put("timestamp", record.timestamp());
                    line.set("key", key(record.key()));
                    line.set("value", value(text(record.value())));
                    out.println(line);
                    count++;
                }
            }
        }
        return JSON.getNodeFactory().numberNode(count);
    }

    /** What is no text as {"base64": ..}. */
    private static JsonNode key(byte[] bytes) {
        String text = text(bytes);
        if (text == null || Arrays.equals(bytes(text), bytes)) return JSON.getNodeFactory().textNode(text);
        return JSON.createObjectNode().put("base64", Base64.getEncoder().encodeToString(bytes));
    }

    /** An object or array as JSON, all else as a string: as `cofferdam consume` prints them. */
    private static JsonNode value(String text) throws Exception {
        boolean nested = text != null && (text.startsWith("{") || text.startsWith("["));
        return nested ? JSON.readTree(text) : JSON.getNodeFactory().textNode(text);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }
}
