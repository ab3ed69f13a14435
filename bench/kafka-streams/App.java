import java.time.Duration;
import java.util.Arrays;
import java.util.Properties;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The benchmark's apps on Kafka Streams, until SIGTERM: App BOOTSTRAP WORKLOAD SOURCE SINK TABLE ID STATE_DIR THREADS.
 *
 * <p>All settings are its defaults, at least once among them, but for the cache: with it, an update is held back until the commit, and those
 * of one key become one. Here as in the other programs each record makes an update. -Dguarantee=exactly_once_v2 asks for that. On standard output it says when a store's restoring
 * begins and ends: `restoring MILLISECONDS`, `restored MILLISECONDS RECORDS`.
 */
public final class App {
    private static final int LONGEST_CLOSE_SECONDS = 20;
    /** The byte of a value that tells whether `filter-map` lets it pass. */
    private static final int HALF = 15;

    public static void main(String[] args) {
        String bootstrap = args[0], workload = args[1], source = args[2], sink = args[3], table = args[4];
        var settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[5]);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, args[6]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, args[7]);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        settings.put("auto.offset.reset", "earliest");
        String guarantee = System.getProperty("guarantee");
        if (guarantee != null) settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);

        var builder = new StreamsBuilder();
        KStream<byte[], byte[]> records = builder.stream(source);
        switch (workload) {
            case "copy" -> records.to(sink);
            case "filter-map" -> records.filter((key, value) -> value[HALF] == 0).mapValues(App::withByte).to(sink);
            case "count-memory" -> count(records, Materialized.StoreType.IN_MEMORY, sink);
            case "count" -> count(records, Materialized.StoreType.ROCKS_DB, sink);
            case "join" -> {
                KTable<byte[], byte[]> rows = builder.table(table);
                records.join(rows, App::joined).to(sink);
            }
            default -> throw new IllegalArgumentException("there is no workload " + workload);
        }

        var streams = new KafkaStreams(builder.build(settings), settings);
        streams.setGlobalStateRestoreListener(new Listener());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(LONGEST_CLOSE_SECONDS))));
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR) Runtime.getRuntime().halt(1);
        });
        streams.start();
    }

    private static void count(KStream<byte[], byte[]> records, Materialized.StoreType store, String sink) {
        var counts = Materialized.<byte[], Long, KeyValueStore<Bytes, byte[]>>as("counts").withStoreType(store);
        records.groupByKey().count(counts.withValueSerde(Serdes.Long())).toStream().to(sink, Produced.valueSerde(Serdes.Long()));
    }

    private static byte[] withByte(byte[] value) {
        byte[] longer = Arrays.copyOf(value, value.length + 1);
        longer[value.length] = '!';
        return longer;
    }

    private static byte[] joined(byte[] value, byte[] row) {
        byte[] both = Arrays.copyOf(value, value.length + row.length);
        System.arraycopy(row, 0, both, value.length, row.length);
        return both;
    }

    private static final class Listener implements StateRestoreListener {
        @Override
        public void onRestoreStart(TopicPartition changelog, String store, long first, long end) {
            System.out.println("restoring " + System.currentTimeMillis());
        }

        @Override
        public void onBatchRestored(TopicPartition changelog, String store, long end, long records) {}

        @Override
        public void onRestoreEnd(TopicPartition changelog, String store, long records) {
            System.out.println("restored " + System.currentTimeMillis() + " " + records);
        }
    }
}
